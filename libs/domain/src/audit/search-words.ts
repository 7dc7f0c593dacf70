import type { AnyEnvelope, Json, RequestFacts } from '@sallyport/contracts';
import { COMPLETED_AS } from './evolve-call.js';

/** Bounds, so that no stranger chooses the size of a row: of a word in characters, of words an event and a query give. */
const WORD_MAX = 64;
const WORDS_OF_EVENT_MAX = 160;
const WORDS_OF_QUERY_MAX = 8;
/** Text of one event that is looked at. */
const TEXT_MAX = 16_384;
const DEPTH_MAX = 16;

const BETWEEN = /[\s"'`()[\]{}<>,;|=]+/u;
const STEPS = /[/:@\\]+/u;
const PARTS = /[^\p{L}\p{N}_-]+/u;

/** One form for what people take for the same. */
const folded = (text: string): string => text.normalize('NFKC').toLowerCase();

const trimmed = (word: string): string => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');

/** A word as written between spaces and quotes, the steps of a path, and the parts of each: `fs/write_file` is found by `fs`, `write_file`, `write` and `file`, too. */
function* wordsIn(text: string): Generator<string> {
  for (const written of folded(text).split(BETWEEN)) {
    const word = trimmed(written);
    if (word === '') continue;
    yield word.slice(0, WORD_MAX);
    const steps = word.split(STEPS).map(trimmed);
    if (steps.length > 1) for (const step of steps) if (step !== '') yield step.slice(0, WORD_MAX);
    const parts = word.split(PARTS);
    for (const part of parts) {
      if (part === '') continue;
      if (parts.length > 1) yield part.slice(0, WORD_MAX);
      const pieces = part.split(/[_-]+/u);
      if (pieces.length > 1) for (const piece of pieces) if (piece !== '') yield piece.slice(0, WORD_MAX);
    }
  }
}

function* textsOf(value: Json, depth = 0): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'number' || typeof value === 'boolean') yield String(value);
  else if (value !== null && depth < DEPTH_MAX) for (const inner of Object.values(value)) yield* textsOf(inner, depth + 1);
}

function* textsOfRequest({ principal, method, target, tool, paramsMasked, labels, claimed }: RequestFacts): Generator<string> {
  yield* [tool?.id ?? '', target.server ?? '', target.name ?? '', method, principal.subject, ...principal.actors, ...labels];
  yield* [claimed.intent ?? '', claimed.client ?? '', claimed.session ?? ''];
  yield* textsOf(paramsMasked);
}

/** What may be searched of an event, its decision and its end by the names the record has for them: nothing that is sealed, and of answers only what says why something failed. */
function* textsOfEvent(event: AnyEnvelope): Generator<string> {
  switch (event.type) {
    case 'ToolCallRequested':
      return yield* textsOfRequest(event.data);
    case 'ToolCallReevaluationRequested':
    case 'ToolCallResumed':
      return;
    case 'ToolCallParked':
      return yield* event.data.approvalRuleIds;
    case 'ToolCallRefused':
      yield* ['refused', event.data.code, ...event.data.reasons];
      return event.data.request === null ? undefined : yield* textsOfRequest(event.data.request);
    case 'ToolCallFailed':
      return yield* ['failed', event.data.code, ...event.data.reasons];
    case 'ToolCallCompleted':
      yield* [COMPLETED_AS[event.data.outcome], event.data.upstreamCode ?? '', ...event.data.labels];
      return event.data.outcome === 'ok' ? undefined : yield* textsOf(event.data.outputMasked);
    case 'ToolCallDispatched':
      return yield* [event.data.server, event.data.tokenId ?? ''];
    case 'ToolCallInDoubt':
      return yield* ['in-doubt', event.data.reason];
    case 'ToolCallAbandoned':
      return yield* ['abandoned', event.data.reason];
    case 'ToolCallCancelled':
      return yield* ['cancelled'];
    case 'ToolCallPlanned':
      return yield* ['planned'];
    case 'ToolCallResolved':
      return yield* [event.data.resolution === 'executed' ? 'completed' : 'failed', event.data.resolvedBy, event.data.note];
    case 'PolicyDecided':
      return yield* [event.data.effect, event.data.code ?? '', ...event.data.policyIds, ...event.data.reasons];
    case 'BudgetReservationRefused':
      return yield* [event.data.account ?? '', event.data.reason];
    case 'ApprovalRequested':
      return yield* [event.data.approvalId, ...event.data.ruleIds];
    case 'ApprovalGranted':
      return yield* event.data.grantedBy;
    case 'ApprovalRejected':
      return yield* [event.data.rejectedBy, event.data.why];
    default:
      return;
  }
}

/** The words a call is found by because of this event. Bounded: of a large event, the first. */
export const wordsOfEvent = (event: AnyEnvelope): ReadonlySet<string> => {
  const words = new Set<string>();
  let read = 0;
  for (const text of textsOfEvent(event)) {
    if (read >= TEXT_MAX) break;
    for (const word of wordsIn(text.slice(0, TEXT_MAX - read))) {
      if (words.size >= WORDS_OF_EVENT_MAX) return words;
      words.add(word);
    }
    read += text.length;
  }
  return words;
};

/** The words of a query, of which a call must have all, each at least by its beginning. Empty when nothing in it can be searched for. */
export const wordsOfQuery = (text: string): readonly string[] =>
  [...new Set(folded(text).split(BETWEEN).map(trimmed))]
    .filter((word) => word !== '')
    .map((word) => word.slice(0, WORD_MAX))
    .slice(0, WORDS_OF_QUERY_MAX);
