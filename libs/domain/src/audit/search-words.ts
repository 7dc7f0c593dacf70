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
const splitIntoWords = (text: string): readonly string[] => {
  const words: string[] = [];
  const add = (word: string): void => {
    if (word !== '') words.push(word.slice(0, WORD_MAX));
  };
  for (const written of folded(text).split(BETWEEN)) {
    const word = trimmed(written);
    if (word === '') continue;
    add(word);
    const steps = word.split(STEPS);
    if (steps.length > 1) for (const step of steps) add(trimmed(step));
    const parts = word.split(PARTS);
    for (const part of parts) {
      if (parts.length > 1) add(trimmed(part));
      const pieces = part.split(/[_-]+/u);
      if (pieces.length > 1) pieces.forEach(add);
    }
  }
  return words;
};

/** Most texts of events come again with every call: names of people, agents, tools and rules, reasons, digests. */
const KNOWN_TEXT_MAX = 128;
const KNOWN_TEXTS_MAX = 2_048;
const known = new Map<string, readonly string[]>();

const wordsIn = (text: string): readonly string[] => {
  if (text.length > KNOWN_TEXT_MAX) return splitIntoWords(text);
  let words = known.get(text);
  if (words === undefined) {
    words = splitIntoWords(text);
    if (known.size >= KNOWN_TEXTS_MAX) known.clear();
    known.set(text, words);
  }
  return words;
};

const textsOfRequest = ({ principal, method, target, tool, labels, claimed }: RequestFacts): readonly string[] => [
  ...[tool?.id ?? '', target.server ?? '', target.name ?? '', method, principal.subject, ...principal.actors, ...labels],
  ...[claimed.intent ?? '', claimed.client ?? '', claimed.session ?? ''],
];

/** What may be searched of an event, its decision and its end by the names the record has for them: nothing that is sealed. */
const textsOf = (event: AnyEnvelope): readonly string[] => {
  switch (event.type) {
    case 'ToolCallRequested':
      return textsOfRequest(event.data);
    case 'ToolCallParked':
      return event.data.approvalRuleIds;
    case 'ToolCallRefused':
      return [
        'refused',
        event.data.code,
        ...event.data.reasons,
        ...(event.data.request === null ? [] : textsOfRequest(event.data.request)),
      ];
    case 'ToolCallFailed':
      return ['failed', event.data.code, ...event.data.reasons];
    case 'ToolCallCompleted':
      return [COMPLETED_AS[event.data.outcome], event.data.upstreamCode ?? '', ...event.data.labels];
    case 'ToolCallDispatched':
      return [event.data.server, event.data.tokenId ?? ''];
    case 'ToolCallInDoubt':
      return ['in-doubt', event.data.reason];
    case 'ToolCallAbandoned':
      return ['abandoned', event.data.reason];
    case 'ToolCallCancelled':
      return ['cancelled'];
    case 'ToolCallPlanned':
      return ['planned'];
    case 'ToolCallResolved':
      return [event.data.resolution === 'executed' ? 'completed' : 'failed', event.data.resolvedBy, event.data.note];
    case 'PolicyDecided':
      return [event.data.effect, event.data.code ?? '', ...event.data.policyIds, ...event.data.reasons];
    case 'BudgetReservationRefused':
      return [event.data.account ?? '', event.data.reason];
    case 'ApprovalRequested':
      return [event.data.approvalId, ...event.data.ruleIds];
    case 'ApprovalGranted':
      return event.data.grantedBy;
    case 'ApprovalRejected':
      return [event.data.rejectedBy, event.data.why];
    default:
      return [];
  }
};

/** The values of which every text may be searched: what was asked for, masked, and of answers only what says why something failed. */
const openValueOf = (event: AnyEnvelope): Json => {
  switch (event.type) {
    case 'ToolCallRequested':
      return event.data.paramsMasked;
    case 'ToolCallRefused':
      return event.data.request?.paramsMasked ?? null;
    case 'ToolCallCompleted':
      return event.data.outcome === 'ok' ? null : event.data.outputMasked;
    default:
      return null;
  }
};

/** Calls `take` with every text of a value. */
const eachText = (value: Json, take: (text: string) => void, depth = 0): void => {
  if (typeof value === 'string') take(value);
  else if (typeof value === 'number' || typeof value === 'boolean') take(String(value));
  else if (value !== null && depth < DEPTH_MAX) for (const inner of Object.values(value)) eachText(inner, take, depth + 1);
};

/** The words a call is found by because of this event. Bounded: of a large event, the first. */
export const wordsOfEvent = (event: AnyEnvelope): ReadonlySet<string> => {
  const words = new Set<string>();
  let read = 0;
  const take = (text: string): void => {
    if (read >= TEXT_MAX) return;
    for (const word of wordsIn(text.slice(0, TEXT_MAX - read))) {
      if (words.size >= WORDS_OF_EVENT_MAX) read = TEXT_MAX;
      if (read >= TEXT_MAX) return;
      words.add(word);
    }
    read += text.length;
  };
  for (const text of textsOf(event)) take(text);
  eachText(openValueOf(event), take);
  return words;
};

/** The words of a query, of which a call must have all, each at least by its beginning. Empty when nothing in it can be searched for. */
export const wordsOfQuery = (text: string): readonly string[] =>
  [...new Set(folded(text).split(BETWEEN).map(trimmed))]
    .filter((word) => word !== '')
    .map((word) => word.slice(0, WORD_MAX))
    .slice(0, WORDS_OF_QUERY_MAX);
