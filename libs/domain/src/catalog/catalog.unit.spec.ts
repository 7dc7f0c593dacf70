import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judged, missingOf, reviewIsOld, type UnjudgedToolRecord } from './completeness.js';
import { acceptDefinition, observeDefinition, type PinFact, type PinRule, type PinState } from './definition-pin.decider.js';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const complete: UnjudgedToolRecord = {
  ...{ id: 'fs/read', tenantId: 'acme', server: 'fs', name: 'read', owner: 'o', dataDomain: 'd', riskTier: 'read', version: '1' },
  ...{ lifecycle: 'active', lastReviewed: '2026-01-01', supportContact: 's', costMicros: 0, currency: 'USD', scopes: [], tags: [] },
  ...{ pinnedDigest: A, definition: null, driftedDigest: null, epoch: 1 },
};

test('a record with everything is callable', () => expect(missingOf(complete)).toEqual([]));

test.each<[string, Partial<UnjudgedToolRecord>]>([
  ['owner', { owner: null }],
  ['owner', { owner: ' ' }],
  ['data-domain', { dataDomain: null }],
  ['risk-tier', { riskTier: null }],
  ['version', { version: null }],
  ['lifecycle', { lifecycle: null }],
  ['lifecycle', { lifecycle: 'draft' }],
  ['lifecycle', { lifecycle: 'retired' }],
  ['last-reviewed', { lastReviewed: null }],
  ['support-contact', { supportContact: null }],
  ['cost', { costMicros: null }],
  ['cost', { currency: null }],
  ['pinned-definition', { pinnedDigest: null }],
  ['definition-drifted', { driftedDigest: B }],
])('without %s it is not: %o', (name, over) => expect(missingOf({ ...complete, ...over })).toEqual([name]));

test('a deprecated tool is still callable, and an old review is no bar', () => {
  expect(missingOf({ ...complete, lifecycle: 'deprecated', lastReviewed: '1999-01-01' })).toEqual([]);
});

test.each([
  ['2026-01-01', '2026-12-31', false],
  ['2026-01-01', '2027-01-01', false],
  ['2026-01-01', '2027-01-02', true],
  ['2024-02-28', '2025-02-27', false],
  ['2024-02-28', '2025-02-28', true],
])('a review of %s is old on %s: %s', (lastReviewed, today, old) => expect(reviewIsOld({ lastReviewed }, today, 365)).toBe(old));

const unseen = (rule: PinRule): PinState => ({ record: judged({ ...complete, pinnedDigest: null }), rule, observed: null });
const see = (state: PinState, ...digests: string[]): { state: PinState; facts: PinFact[] } => {
  const facts: PinFact[] = [];
  for (const digest of digests) {
    const outcome = observeDefinition(state, { digest, definition: { digest }, seenAt: `at ${facts.length}` });
    state = outcome.state;
    facts.push(...outcome.facts);
  }
  return { state, facts };
};

test('the first definition is pinned and the next one holds the tool, once', () => {
  const { state, facts } = see(unseen({ kind: 'on-first-use' }), A, A, B, B);
  expect(facts).toEqual([
    { type: 'DefinitionPinned', digest: A, before: null },
    { type: 'DefinitionDrifted', pinned: A, observed: B },
  ]);
  expect(state.record).toMatchObject({ pinnedDigest: A, driftedDigest: B, definition: { digest: A }, missing: ['definition-drifted'] });
});

test('a tool that shows its pinned definition again is open again', () => {
  expect(see(unseen({ kind: 'on-first-use' }), A, B, A).state.record).toMatchObject({ pinnedDigest: A, driftedDigest: null, missing: [] });
});

test('a digest known beforehand accepts that definition alone', () => {
  const rule: PinRule = { kind: 'digest', digest: B };
  expect(see(unseen(rule), B).facts).toEqual([{ type: 'DefinitionPinned', digest: B, before: null }]);
  const other = see(unseen(rule), A);
  expect(other.facts).toEqual([{ type: 'DefinitionDrifted', pinned: B, observed: A }]);
  expect(other.state.record.pinnedDigest).toBeNull();
});

test('without a rule, nothing is pinned until a person accepts what was seen', () => {
  const { state, facts } = see(unseen({ kind: 'by-hand' }), A);
  expect(facts).toEqual([]);
  expect(acceptDefinition(state, B)).toEqual({ refused: 'not-observed' });
  const accepted = acceptDefinition(state, A);
  expect(accepted).toMatchObject({ facts: [{ type: 'DefinitionPinned', digest: A }], state: { record: { pinnedDigest: A, missing: [] } } });
});

test('whatever is shown, a pin never moves by itself and a tool is callable only under its pin', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(A, B)), (digests) => {
      const { state } = see(unseen({ kind: 'on-first-use' }), ...digests);
      const last = digests.at(-1);
      if (state.record.pinnedDigest !== (digests[0] ?? null)) return false;
      return (state.record.missing.length === 0) === (last !== undefined && last === digests[0]);
    }),
  );
});
