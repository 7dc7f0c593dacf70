import { WRITE_MICROS } from '../write-calls.ts';
import type { Evidence, KeptCall } from './evidence.ts';
import { isAsExpected, NEVER_SENT, type SentCall } from './mixed-calls.ts';

/** A promise that was not kept. */
export interface Breach {
  readonly promise: Promised;
  /** The point that was on when the call was sent; `null` where it is about no one call. */
  readonly point: number | null;
  readonly what: string;
}

/** What is promised whatever is killed, and how it is told when it was not kept. */
export const PROMISES = {
  decided: 'nothing reaches an upstream but what policy and budget allowed, on record',
  once: 'no write is executed twice, however often it is sent with its key',
  ends: 'every call ends, or is in doubt',
  true: 'what is on record and what a client was told is what happened',
  answered: 'every client is answered, by no more than a minute, and never by an error without a name',
  holds: 'every hold is settled or released, except of calls in doubt, which are listed with it',
  money: 'the books balance: every executed write is paid for once, and nothing else',
  record: 'the event chain has every event of the log and verifies, and nothing is dead',
  resumes: 'the service goes on by itself',
} as const;
export type Promised = keyof typeof PROMISES;

const OPEN: ReadonlySet<string> = new Set(['pending', 'waiting', 'input-required']);
const NOT_SENT: ReadonlySet<string> = new Set(['refused', 'abandoned', 'planned']);
const HUNG_MS = 59_000;
const NOTHING_SENT = 'Nothing was sent';

/** A call as its client knew it beside how it is on record; either may be missing. */
interface Pair {
  readonly sent: SentCall | undefined;
  readonly kept: KeptCall | undefined;
  readonly executed: number;
}

/** Every promise that the evidence breaks. */
export const breachesIn = (evidence: Evidence): readonly Breach[] => {
  const kept = new Map(evidence.kept.map((call) => [call.traceId, call]));
  const sent = new Map(evidence.sent.map((call) => [call.traceId, call]));
  const pairs = [...new Set([...kept.keys(), ...sent.keys(), ...evidence.executions.keys()])].map(
    (traceId): Pair => ({ sent: sent.get(traceId), kept: kept.get(traceId), executed: evidence.executions.get(traceId) ?? 0 }),
  );
  return [
    ...pairs.flatMap((pair) => breachesOf(pair).map(([promise, what]) => breach(pair, promise, what))),
    ...effectsTwice(evidence),
    ...untoldAnswers(evidence, kept),
    ...holdsLeft(evidence),
    ...booksApart(evidence),
    ...recordLacks(evidence),
  ];
};

const breach = ({ sent, kept, executed }: Pair, promise: Promised, what: string): Breach => {
  const reply = sent?.reply ?? null;
  const told = reply === null ? 'nothing' : (reply.code ?? String(reply.status));
  const events = Object.entries(kept?.events ?? {}).map(([type, count]) => (count === 1 ? type : `${type} × ${count}`));
  return {
    promise,
    point: sent?.point ?? null,
    what: `${what}: ${sent?.kind ?? 'a call of nobody'} ${sent?.text ?? ''} (${kept?.callId ?? 'not on record'}), told ${told}, ${kept?.outcome ?? 'no outcome'}, executed ${executed}, ${events.join(' ')}`,
  };
};

const breachesOf = ({ sent, kept, executed }: Pair): (readonly [Promised, string])[] => {
  const found: (readonly [Promised, string])[] = [];
  const isRead = sent?.kind === 'read';
  if (executed > 0) {
    if (kept === undefined) found.push(['decided', 'executed and not on record']);
    else {
      if (!kept.effects.includes('allow')) found.push(['decided', 'executed and not allowed']);
      if (kept.events.BudgetReserved === undefined) found.push(['decided', 'executed and not reserved']);
      // What only reads may overtake the record of its sending.
      if (kept.events.ToolCallDispatched === undefined && !isRead) found.push(['decided', 'executed and not on record as sent']);
    }
    if (sent !== undefined && NEVER_SENT.has(sent.kind)) found.push(['decided', `executed, a call ${sent.kind}`]);
    if (executed > 1) found.push(['once', 'one call executed more than once']);
    if (kept !== undefined && NOT_SENT.has(kept.outcome) && !isRead) found.push(['true', 'on record as not sent, and executed']);
    if (sent?.reply?.text.includes(NOTHING_SENT) === true) found.push(['true', 'told that nothing was sent, and executed']);
    if (!isRead && kept !== undefined && kept.outcome !== 'in-doubt' && kept.events.BudgetSettled !== 1)
      found.push(['money', 'executed and not paid for once']);
  } else if (kept !== undefined) {
    if (kept.outcome === 'completed' && isSentOut(sent)) found.push(['true', 'completed, and not executed']);
    if (NOT_SENT.has(kept.outcome) && kept.events.BudgetSettled !== undefined) found.push(['money', 'not sent, and paid for']);
  }
  if (kept !== undefined && OPEN.has(kept.outcome)) found.push(['ends', 'without an end']);
  if (sent !== undefined) {
    const { reply, sentAtMs, endedAtMs } = sent;
    if (endedAtMs - sentAtMs > HUNG_MS) found.push(['answered', 'not answered']);
    if (reply !== null && (reply.status === 500 || reply.code === 'internal.error' || (reply.status !== 200 && reply.code === null)))
      found.push(['answered', `answered by ${reply.status} ${reply.text.slice(0, 200)}`]);
  }
  return found;
};

/** A kept answer is given again without a second execution; a retry with a key is a call of its own. */
const isSentOut = (sent: SentCall | undefined): boolean => sent?.kind === 'read' || sent?.kind === 'write';

const effectsTwice = ({ sent, executionsOfText }: Evidence): readonly Breach[] => {
  const points = new Map(sent.map(({ text, point }) => [text, point]));
  return [...executionsOfText].flatMap(([text, times]) =>
    times > 1 ? [{ promise: 'once' as const, point: points.get(text) ?? null, what: `${text} was executed ${times} times` }] : [],
  );
};

/** Who was told that it is done finds it done, once, and on record as completed. */
const untoldAnswers = ({ sent, executionsOfText }: Evidence, kept: ReadonlyMap<string, KeptCall>): readonly Breach[] => {
  const outcomes = Map.groupBy(sent, ({ text }) => text);
  return sent.flatMap((call): Breach[] => {
    if (!isAsExpected(call) || NEVER_SENT.has(call.kind)) return [];
    const executed = executionsOfText.get(call.text) ?? 0;
    const isKept = outcomes.get(call.text)?.some(({ traceId }) => kept.get(traceId)?.outcome === 'completed') === true;
    if (executed === 1 && isKept) return [];
    const pair = { sent: call, kept: kept.get(call.traceId), executed };
    return [breach(pair, 'true', 'told that it is done, and it is not, or not on record')];
  });
};

const holdsLeft = ({ kept, callsInDoubt, holdsInDoubt }: Evidence): readonly Breach[] => {
  const inDoubt = kept.filter(({ outcome }) => outcome === 'in-doubt').map(({ callId }) => callId);
  const held = kept.filter(({ hold }) => hold === 'held').map(({ callId }) => callId);
  const lists = { 'with a hold': held, 'listed as a call': callsInDoubt, 'listed as a hold': holdsInDoubt };
  return Object.entries(lists).flatMap(([name, ids]) => [
    ...without(inDoubt, ids).map((callId) => ({ promise: 'holds' as const, point: null, what: `in doubt and not ${name}: ${callId}` })),
    ...without(ids, inDoubt).map((callId) => ({ promise: 'holds' as const, point: null, what: `${name} and not in doubt: ${callId}` })),
  ]);
};

const without = (these: readonly string[], those: readonly string[]): readonly string[] => {
  const known = new Set(those);
  return these.filter((one) => !known.has(one));
};

const booksApart = ({ kept, money, settledMicros }: Evidence): readonly Breach[] => {
  const heldMicros = kept.filter(({ outcome }) => outcome === 'in-doubt').length * WRITE_MICROS;
  const breaches: Breach[] = [];
  if (money.heldMicros !== heldMicros)
    breaches.push({ promise: 'money', point: null, what: `held ${money.heldMicros}, in doubt ${heldMicros}` });
  if (money.spentMicros !== settledMicros)
    breaches.push({ promise: 'money', point: null, what: `spent ${money.spentMicros}, settled ${settledMicros}` });
  return breaches;
};

const recordLacks = ({ verification, missing, deadLetters }: Evidence): readonly Breach[] => {
  const breaches: Breach[] = [];
  const tell = (what: string): void => void breaches.push({ promise: 'record', point: null, what });
  if (!verification.ok) tell(`the event chain does not verify: ${JSON.stringify(verification.faults).slice(0, 500)}`);
  for (const [topic, count] of Object.entries(missing)) tell(`${count} events of ${topic} are not in the event chain`);
  if (deadLetters > 0) tell(`${deadLetters} dead letters`);
  return breaches;
};
