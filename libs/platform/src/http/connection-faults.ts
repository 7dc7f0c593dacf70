import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, toErrorBody } from '@sallyport/contracts';
import { isRefused } from './refused-requests.js';
import type { TurnedAway } from './turned-away.js';

const ROUTE = '-';
const METHOD = '-';
const NOBODY = '-';

/** Codes of Node's HTTP server that are not faults of form. */
const CODES = {
  HPE_HEADER_OVERFLOW: 'request.headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'request.body-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request.timeout',
} as const;

const isNamed = (code: string): code is keyof typeof CODES => Object.hasOwn(CODES, code);

const toAppError = (fault: Error): AppError => {
  const code = String(Reflect.get(fault, 'code'));
  return new AppError(isNamed(code) ? CODES[code] : 'request.invalid', 'what came over the connection is no HTTP request', {
    cause: fault,
  });
};

/** An answer for a connection whose requests can no longer be told apart; nothing more is read from it. */
const closingAnswer = (error: AppError): string => {
  const body = JSON.stringify(toErrorBody(error));
  return [
    `HTTP/1.1 ${error.definition.http} Refused`,
    'content-type: application/json; charset=utf-8',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
};

/** What is known of the requests of one connection. */
interface Connection {
  latest: IncomingMessage | null;
  source: string;
  readonly open: Set<ServerResponse>;
  faulty: boolean;
}

/**
 * Answers and notes what Node refuses before there is a request: bytes that are no HTTP, ambiguous framing, headers that are too large, requests
 * that never end. A fault within the body of a request is that request's: its handler notes it, and it is counted once.
 */
export class ConnectionFaults {
  private readonly connections = new WeakMap<Duplex, Connection>();

  constructor(private readonly turnedAway: TurnedAway) {}

  /** Call it once, before the server listens. */
  watch(server: Server): void {
    server.prependListener('request', (request, response) => this.begin(request, response));
    // RFC 9110, section 10.1.1: an expectation that is not known may be ignored; Node would refuse it by itself.
    server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
    server.on('connect', (request: IncomingMessage, socket) => {
      socket.on('error', () => socket.destroy());
      const error = new AppError('request.method-not-allowed', 'this is no proxy');
      void this.refuse(socket, error, request.method ?? METHOD);
    });
  }

  /** Handles the server's `clientError`. */
  handle(fault: Error, socket: Duplex): void {
    const connection = this.connectionOf(socket);
    if (connection.faulty) return;
    connection.faulty = true;
    if (Reflect.get(fault, 'code') === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const error = toAppError(fault);
    const { latest } = connection;
    if (latest === null || latest.complete) void this.afterOpen(connection).then(() => this.refuse(socket, error, METHOD));
    else this.breakOff(connection, latest, socket, error);
  }

  private begin(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.connectionOf(request.socket);
    connection.latest = request;
    // Node forgets the address with the connection, unless somebody asked for it before.
    connection.source = request.socket.remoteAddress ?? NOBODY;
    connection.open.add(response);
    response.once('close', () => connection.open.delete(response));
  }

  private connectionOf(socket: Duplex): Connection {
    const known = this.connections.get(socket);
    if (known !== undefined) return known;
    const connection: Connection = {
      latest: null,
      source: String(Reflect.get(socket, 'remoteAddress') ?? NOBODY),
      open: new Set(),
      faulty: false,
    };
    this.connections.set(socket, connection);
    return connection;
  }

  /** The requests before the faulty one get their answers first. */
  private async afterOpen({ open }: Connection): Promise<void> {
    await Promise.all([...open].map((response) => new Promise<void>((resolve) => response.once('close', resolve))));
  }

  /** Its handler sees the body break off with this error, and notes it; who has refused the request before is left to say so. */
  private breakOff({ open }: Connection, request: IncomingMessage, socket: Duplex, error: AppError): void {
    const response = [...open].find((candidate) => candidate.req === request);
    const end = (): void => void request.destroy(error);
    if (response !== undefined && !response.headersSent && isRefused(request)) response.once('close', () => socket.destroy());
    else if (response === undefined || response.headersSent) end();
    else socket.end(closingAnswer(error), end);
  }

  private async refuse(socket: Duplex, error: AppError, method: string): Promise<void> {
    const { source } = this.connectionOf(socket);
    const told = await this.turnedAway.note(error, { method, route: ROUTE, source, traceparent: null });
    if (socket.writable) socket.end(closingAnswer(told), () => socket.destroy());
    else socket.destroy();
  }
}
