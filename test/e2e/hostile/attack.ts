import { docsUrlOf, isErrorCode, META_KEYS } from '@sallyport/contracts';
import { z } from 'zod';
import type { HostileRequest } from './hostile-request.js';
import { exchangeRaw, type RawAnswer } from './raw-http.js';

/** What the attacker saw of a run; held against the record afterwards. */
export interface AttackReport {
  sent: number;
  /** Requests turned away before they were calls, by code, as the answers say. */
  readonly rejected: Map<string, number>;
  /** Ids of the calls that requests became. */
  readonly callIds: Set<string>;
  /** Calls that were refused as no answer about them came in time: what a machine that is too slow for the attack does, and no more than that. */
  overloaded: number;
  /** What must not be, one line each. */
  readonly faults: string[];
}

export const emptyReport = (): AttackReport => ({ sent: 0, rejected: new Map(), callIds: new Set(), overloaded: 0, faults: [] });

const RestError = z.strictObject({
  code: z.string(),
  summary: z.string(),
  detail: z.record(z.string(), z.unknown()),
  callId: z.string().nullable(),
  retryable: z.boolean(),
  docs: z.string(),
});
const ErrorMeta = z.looseObject({ [META_KEYS.error]: RestError });
const RpcError = z.strictObject({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]),
  error: z.strictObject({ code: z.number().int(), message: z.string(), data: ErrorMeta }),
});

/** Stacks, places in our sources, and the words of what is behind us. */
const INTERNAL =
  /\n\s+at |\.(?:js|ts):\d+|node_modules|node:internal|\/dist\/|postgres|sql(?:state)?\b.*error|syntax error at|ECONN|EPIPE|AppError|TypeError|ZodError|FST_ERR/i;

const DEADLINE_MS = 45_000;
const FAULTS_KEPT = 20;

/** The public error of an answer, in either form; null where it has none. */
const errorOf = (body: string): z.infer<typeof RestError> | null => {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return null;
  }
  const rest = RestError.safeParse(json);
  if (rest.success) return rest.data;
  return RpcError.safeParse(json).data?.error.data[META_KEYS.error] ?? null;
};

const describe = ({ status, body }: RawAnswer): string => `${status} ${JSON.stringify(body.slice(0, 300))}`;

const shown = (pieces: HostileRequest['pieces']): string =>
  typeof pieces === 'function'
    ? 'a stream'
    : JSON.stringify(
        pieces
          .map(String)
          .join('')
          .replace(/Bearer \S+/gi, 'Bearer …')
          .slice(0, 1_500),
      );

/** Notes one answer; what is wrong with it is a fault. */
const judge = (report: AttackReport, { title, pieces }: HostileRequest, answer: RawAnswer): void => {
  const fault = (why: string): void => {
    if (report.faults.length < FAULTS_KEPT) report.faults.push(`${title}: ${why}: ${describe(answer)} to ${shown(pieces)}`);
  };
  const { status, headers, body } = answer;
  if (INTERNAL.test(body)) fault('says what is inside');
  const callId = headers.get('sallyport-call-id');
  if (callId !== undefined && status === 503) report.overloaded += 1;
  else if (status >= 500) fault('a fault of ours');
  if (callId !== undefined) {
    report.callIds.add(callId);
    return;
  }
  const error = errorOf(body);
  if (status < 400 || error === null) {
    fault(status < 400 ? 'let through without a call' : 'no structured error');
    return;
  }
  if (!isErrorCode(error.code) || error.docs !== docsUrlOf(error.code)) fault('not a code of the registry');
  report.rejected.set(error.code, (report.rejected.get(error.code) ?? 0) + 1);
};

export interface AttackOptions {
  readonly port: number;
  readonly inFlight: number;
  readonly report: AttackReport;
  onAnswered?(): void;
}

/** Sends all requests, `inFlight` at a time, each over a connection of its own. */
export const attack = async (requests: Iterable<HostileRequest>, { port, inFlight, report, onAnswered }: AttackOptions): Promise<void> => {
  const iterator = requests[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      const request = next.value;
      const { title, pieces, answers = 1, endsSending = false } = request;
      const exchange = await exchangeRaw({
        port,
        pieces: typeof pieces === 'function' ? pieces() : pieces,
        answers,
        endsSending,
        deadlineMs: DEADLINE_MS,
      });
      report.sent += answers;
      onAnswered?.();
      if (exchange.ended !== 'answered' && report.faults.length < FAULTS_KEPT)
        report.faults.push(`${title}: ${exchange.answers.length} of ${answers} answers, then ${exchange.ended}`);
      for (const answer of exchange.answers) judge(report, request, answer);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
};
