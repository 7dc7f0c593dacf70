import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { AppError } from '@sallyport/contracts';
import type { ISocketFactory, Kafka as KafkaClient, SASLOptions } from 'kafkajs';
import { kafkajs } from './kafkajs.js';

const { Kafka, logLevel } = kafkajs;

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaTls {
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string;
  /** The client's own certificate and key, PEM. */
  readonly cert?: string;
  readonly key?: string;
}

export interface KafkaConnectionOptions {
  readonly brokers: readonly string[];
  /** Seen in the broker's logs and quotas. Default `sallyport`. */
  readonly clientId?: string;
  readonly sasl?: KafkaSasl;
  /** `true` trusts the system's certificates. Never without it outside a private network. */
  readonly tls?: boolean | KafkaTls;
  /** Sockets of this client, so that its owner can cut them all at once. */
  readonly sockets?: SocketPool;
}

/** Retries as measured against a broker that was killed: back within a second of its port reopening, nothing acknowledged lost. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 1_000, retries: 50 };

/** The sockets of one client. `cut` ends them like the death of the process would, and lets no other be opened. */
export class SocketPool {
  private readonly open = new Set<Socket>();
  private isCut = false;

  connect(host: string, port: number, tls: ConnectionOptions | false | null | undefined, onConnect: () => void): Socket | TLSSocket {
    // A server name must be a name (RFC 6066 section 3).
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = tls ? connectTls({ host, port, ...name, ...tls }, onConnect) : connectTcp({ host, port }, onConnect);
    // Small requests and answers: waiting to fill a packet would cost more than it saves.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
    if (this.isCut) socket.destroy(new Error('cut'));
    return socket;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.open) socket.destroy();
  }
}

/** A client of the cluster; nothing is connected yet. */
export const kafkaClient = (options: KafkaConnectionOptions): KafkaClient => {
  const sockets = options.sockets ?? new SocketPool();
  const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => sockets.connect(host, port, ssl, onConnect);
  return new Kafka({
    clientId: options.clientId ?? 'sallyport',
    brokers: [...options.brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: RETRY,
    socketFactory,
    ...(options.tls === undefined || options.tls === false ? {} : { ssl: options.tls === true ? true : { ...options.tls } }),
    ...(options.sasl === undefined ? {} : { sasl: saslOf(options.sasl) }),
  });
};

const saslOf = ({ mechanism, username, password }: KafkaSasl): SASLOptions => {
  switch (mechanism) {
    case 'plain':
      return { mechanism: 'plain', username, password };
    case 'scram-sha-256':
      return { mechanism: 'scram-sha-256', username, password };
    case 'scram-sha-512':
      return { mechanism: 'scram-sha-512', username, password };
  }
};

/** What kafkajs throws, as the log says it. */
export const toLogError = (cause: unknown, doing: string): AppError =>
  cause instanceof AppError ? cause : new AppError('log.unavailable', `Kafka does not do it (${doing}): ${textOf(cause)}`, { cause });

const textOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');

/** How long a client that cannot reach its cluster may take to close each of its parts. */
const CLOSE_MS = 3_000;

/** Waits for something to be closed, but no longer than makes sense when the cluster is away. Never throws. */
export const closedInTime = async (closing: Promise<unknown> | undefined): Promise<void> => {
  if (closing === undefined) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CLOSE_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    closing.then(done, done);
  });
};
