// Loaded into a built gateway or decision point by `node --import`: at the step that a marked call names, the process kills or freezes itself.
import { subscribe } from 'node:diagnostics_channel';
import { closeSync, openSync, writeSync } from 'node:fs';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { markIn, stepLine, wishOf } from './fault-trace.ts';

interface SomeRecord {
  readonly headers: Readonly<Record<string, string>>;
}
interface SomeClaim {
  readonly callId: string;
}
type Durable = Promise<unknown>;

const STANDARD_OUTPUT = 1;
/** How often each step of a trace was reached. */
const reached = new Map<string, number>();
/** Marked traces by the id of their call. */
const traces = new Map<string, string>();

/** Whoever comes back to what it died of goes on. Told by a file in the folder that the process runs in. */
const hasDied = (traceId: string): boolean => {
  try {
    closeSync(openSync(`died-${traceId}`, 'wx'));
    return false;
  } catch {
    return true;
  }
};

const step = (traceId: string | null | undefined, name: string): void => {
  if (traceId === null || traceId === undefined) return;
  const times = (reached.get(`${traceId} ${name}`) ?? 0) + 1;
  reached.set(`${traceId} ${name}`, times);
  const told = times === 1 ? name : `${name}, time ${times}`;
  const wish = wishOf(traceId, told);
  if (wish === null || (wish === 'die' && hasDied(traceId))) return;
  // Not through a stream: it would not be written before the end.
  writeSync(STANDARD_OUTPUT, `${stepLine(traceId, told)}\n`);
  if (wish !== 'tell') process.kill(process.pid, wish === 'die' ? 'SIGKILL' : 'SIGSTOP');
};

/** Runs `work` between two steps of every trace: before it begins, and when it is durable. */
const between = (marks: readonly (string | undefined)[], what: string, work: () => Durable): Durable => {
  for (const mark of marks) step(mark, `before ${what}`);
  return work().then((result) => {
    for (const mark of marks) step(mark, `after ${what}`);
    return result;
  });
};

/** Steps at the log: before a record of the call is given to it, and when it has acknowledged. */
const watchLog = async (): Promise<void> => {
  const { AppendLane } = await import(new URL('../../libs/log/dist/append-lane.js', import.meta.url).href);
  const { append } = AppendLane.prototype;
  AppendLane.prototype.append = function (this: unknown, records: readonly SomeRecord[]): Durable {
    const told = records.flatMap(({ headers }) => {
      const mark = markIn(headers.ce_traceparent ?? '');
      if (mark === null) return [];
      const { ce_subject: callId } = headers;
      if (callId !== undefined) traces.set(callId, mark);
      return [{ mark, name: `${/\.([A-Za-z]+)\.v\d+$/.exec(headers.ce_type ?? '')?.[1]} is appended` }];
    });
    const [first] = told;
    return first === undefined ? append.call(this, records) : between([first.mark], first.name, () => append.call(this, records));
  };
};

/** Steps at the claim: winning it, and each way of ending it. */
const watchClaims = async (): Promise<void> => {
  const file = '../../libs/services/edge-gateway/dist/invoke/postgres-dispatch-claims.adapter.js';
  const { PostgresDispatchClaims } = await import(new URL(file, import.meta.url).href);
  const claims = PostgresDispatchClaims.prototype;
  const { win, conclude, release, keep, writeEnded } = claims;
  claims.win = function (this: unknown, claim: SomeClaim): Durable {
    return between([traces.get(claim.callId)], 'the claim is won', () => win.call(this, claim));
  };
  claims.conclude = function (this: unknown, callId: string, ...rest: unknown[]): Durable {
    return between([traces.get(callId)], 'the answer is kept in the claim', () => conclude.call(this, callId, ...rest));
  };
  claims.release = function (this: unknown, callId: string, ...rest: unknown[]): Durable {
    return between([traces.get(callId)], 'the claim is given back', () => release.call(this, callId, ...rest));
  };
  claims.keep = function (this: unknown, outcome: SomeClaim): Durable {
    return between([traces.get(outcome.callId)], 'the outcome is kept', () => keep.call(this, outcome));
  };
  claims.writeEnded = function (this: unknown, group: readonly SomeClaim[]): Durable {
    const marks = group.map(({ callId }) => traces.get(callId));
    return between(marks, 'the claim is settled', () => writeEnded.call(this, group));
  };
};

/** Steps on the way to the upstream and back, as the HTTP client publishes them. */
const watchUpstream = (): void => {
  const sent = new WeakMap<object, string>();
  const on = (channel: string, name: string): void =>
    subscribe(channel, (message) => {
      const { request } = message as { readonly request: { readonly body?: unknown } };
      if (channel === 'undici:request:create') {
        const mark = markIn(request.body instanceof Uint8Array ? Buffer.from(request.body).toString('utf8') : String(request.body));
        if (mark !== null) sent.set(request, mark);
      }
      step(sent.get(request), name);
    });
  on('undici:request:create', 'before the request is written');
  on('undici:client:sendHeaders', "after the request's head is written");
  on('undici:request:bodySent', "after the request's bytes are written");
  on('undici:request:headers', "after the answer's head");
  on('undici:request:trailers', "after the answer's body");
};

/** Steps at the client: before the head of its answer, and when all of it was handed to the system. */
const watchClients = (): void => {
  const markOf = ({ req }: { readonly req?: IncomingMessage }): string | null => markIn(String(req?.headers.traceparent));
  const { writeHead, end } = ServerResponse.prototype;
  Object.assign(ServerResponse.prototype, {
    writeHead(this: ServerResponse, ...head: unknown[]): ServerResponse {
      step(markOf(this), 'before the answer is released');
      return Reflect.apply(writeHead, this, head);
    },
    end(this: ServerResponse, ...last: unknown[]): ServerResponse {
      const response = Reflect.apply(end, this, last);
      step(markOf(this), 'after the answer is released');
      return response;
    },
  });
};

const [, program] = process.argv;
if (program?.endsWith('/policy-decision/dist/main.js') === true) await watchLog();
if (program?.endsWith('/edge-gateway/dist/main.js') === true) {
  await Promise.all([watchLog(), watchClaims()]);
  watchUpstream();
  watchClients();
}
