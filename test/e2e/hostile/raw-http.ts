import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';

/** One HTTP answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What became of bytes that were sent. */
export interface RawExchange {
  readonly answers: readonly RawAnswer[];
  /** `closed`: the other side closed before all expected answers were there. `silent`: nothing more came until the deadline. */
  readonly ended: 'answered' | 'closed' | 'silent';
  readonly tookMs: number;
}

export interface RawSending {
  readonly port: number;
  /** What is written, a piece after the other, as fast as the other side takes it. */
  readonly pieces: Iterable<string | Buffer>;
  /** How many answers there must be; default 1. */
  readonly answers?: number;
  /** After the last piece nothing more is sent: the sending half is closed. */
  readonly endsSending?: boolean;
  readonly deadlineMs: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');

const headersOf = (lines: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );

/** The length of a chunked body at the start of `bytes` with its text, or null while it is not complete. */
const readChunked = (bytes: Buffer): { readonly length: number; readonly text: string } | null => {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    if (bytes.length < lineEnd + size + 4) return null;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + size + 4;
    if (size === 0) return { length: at, text: Buffer.concat(parts).toString('utf8') };
  }
};

/** The first answer in `bytes` and what is left, or null while it is not complete. The head of an event stream is an answer. */
const readAnswer = (bytes: Buffer): { readonly answer: RawAnswer; readonly rest: Buffer } | null => {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const headers = headersOf(lines);
  const rest = bytes.subarray(headEnd + HEAD_END.length);
  if (status === 100) return readAnswer(rest);
  if (headers.get('content-type')?.startsWith('text/event-stream') === true) return { answer: { status, headers, body: '' }, rest };
  if (headers.get('transfer-encoding') === 'chunked') {
    const chunked = readChunked(rest);
    return chunked === null ? null : { answer: { status, headers, body: chunked.text }, rest: rest.subarray(chunked.length) };
  }
  const length = Number(headers.get('content-length') ?? 0);
  if (rest.length < length) return null;
  return { answer: { status, headers, body: rest.subarray(0, length).toString('utf8') }, rest: rest.subarray(length) };
};

/** Sends bytes over a connection of their own and reads what comes back. Never rejects. */
export const exchangeRaw = async ({
  port,
  pieces,
  answers: wanted = 1,
  endsSending = false,
  deadlineMs,
}: RawSending): Promise<RawExchange> =>
  await new Promise((resolve) => {
    const startedAt = performance.now();
    const answers: RawAnswer[] = [];
    let pending: Buffer = Buffer.alloc(0);
    const iterator = pieces[Symbol.iterator]();
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => finish('silent'), deadlineMs);
    const finish = (ended: RawExchange['ended']): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ answers, ended, tookMs: performance.now() - startedAt });
    };
    const write = (): void => {
      for (;;) {
        const { value, done } = iterator.next();
        if (done === true) {
          if (endsSending) socket.end();
          return;
        }
        const isTaken = typeof value === 'string' ? socket.write(value, 'latin1') : socket.write(value);
        if (!isTaken) {
          socket.once('drain', write);
          return;
        }
      }
    };
    socket.once('connect', write);
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (let read = readAnswer(pending); read !== null; read = readAnswer(pending)) {
        answers.push(read.answer);
        pending = read.rest;
        if (answers.length === wanted) return finish('answered');
      }
    });
    socket.on('error', () => {});
    socket.once('end', () => finish('closed'));
    socket.once('close', () => finish('closed'));
  });
