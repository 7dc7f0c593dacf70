import type { Json, ToolRecord } from '@sallyport/contracts';
import { judged } from './completeness.js';

/** What the catalog wants of the first look at a tool: trust it once, hold it to a digest known beforehand, or wait for a person. */
export type PinRule =
  | { readonly kind: 'on-first-use' }
  | { readonly kind: 'digest'; readonly digest: string }
  | { readonly kind: 'by-hand' };

/** A definition as an upstream showed it. */
export interface SeenDefinition {
  readonly digest: string;
  readonly definition: Json;
  /** When it was shown first, RFC 3339; `null` where nobody noted it. */
  readonly seenAt: string | null;
}

/** A tool of the catalog with what the pin deciders need beside the record. */
export interface PinState {
  readonly record: ToolRecord;
  readonly rule: PinRule;
  /** What the upstream said last, whether or not it was accepted. */
  readonly observed: SeenDefinition | null;
}

export type PinFact =
  | { readonly type: 'DefinitionPinned'; readonly digest: string; readonly before: string | null }
  | { readonly type: 'DefinitionDrifted'; readonly pinned: string; readonly observed: string }
  /** The upstream shows the pinned definition again after a drift; the hold ends by itself. */
  | { readonly type: 'DriftEnded' };

export interface PinOutcome {
  readonly state: PinState;
  readonly facts: readonly PinFact[];
}

/**
 * Takes note of what an upstream says a tool is. The first definition is pinned when the rule allows it; another one later never replaces
 * the pin but holds the tool. Idempotent: the same observation again changes nothing.
 */
export const observeDefinition = (state: PinState, seen: SeenDefinition): PinOutcome => {
  const observed = state.observed?.digest === seen.digest ? { ...seen, seenAt: state.observed.seenAt } : seen;
  const { record, rule } = state;
  if (record.pinnedDigest === seen.digest) {
    const definition = record.definition ?? seen.definition;
    if (record.driftedDigest === null) return { state: { ...state, record: { ...record, definition }, observed }, facts: [] };
    return {
      state: { ...state, observed, record: judged({ ...record, definition, driftedDigest: null }) },
      facts: [{ type: 'DriftEnded' }],
    };
  }
  if (record.pinnedDigest === null && accepts(rule, seen.digest)) return pin(state, observed);
  const expected = record.pinnedDigest ?? (rule.kind === 'digest' ? rule.digest : null);
  if (expected === null || record.driftedDigest === seen.digest) return { state: { ...state, observed }, facts: [] };
  return {
    state: { ...state, observed, record: judged({ ...record, driftedDigest: seen.digest }) },
    facts: [{ type: 'DefinitionDrifted', pinned: expected, observed: seen.digest }],
  };
};

/** A person accepts the definition seen last, by its digest, so that nobody accepts what changed between the look and the answer. */
export const acceptDefinition = (state: PinState, digest: string): PinOutcome | { readonly refused: 'not-observed' } => {
  if (state.observed === null || state.observed.digest !== digest) return { refused: 'not-observed' };
  if (state.record.pinnedDigest === digest && state.record.driftedDigest === null) return { state, facts: [] };
  return pin(state, state.observed);
};

const pin = (state: PinState, seen: SeenDefinition): PinOutcome => ({
  state: {
    ...state,
    observed: seen,
    record: judged({ ...state.record, pinnedDigest: seen.digest, definition: seen.definition, driftedDigest: null }),
  },
  facts: [{ type: 'DefinitionPinned', digest: seen.digest, before: state.record.pinnedDigest }],
});

const accepts = (rule: PinRule, digest: string): boolean =>
  rule.kind === 'on-first-use' || (rule.kind === 'digest' && rule.digest === digest);
