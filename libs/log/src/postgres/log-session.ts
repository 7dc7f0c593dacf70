import { isConnectionFault, type SqlResult } from '@sallyport/platform';
import pg from 'pg';

export interface LogSessionOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly onNotification: (payload: string) => void;
  /** The connection is gone, and with it every lock. */
  readonly onLost: () => void;
  /** A new connection stands, without locks. */
  readonly onBack: () => void;
}

const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;

/**
 * The one connection of a process that holds its advisory locks and listens. Its death, however it came about, frees the locks: that is
 * how the partitions of a killed process move over.
 */
export class LogSession {
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: LogSessionOptions) {}

  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.options.url,
      application_name: `${this.options.applicationName}-session`,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 2_000,
      // The server must notice a vanished machine too, or its partitions would stay locked.
      options: '-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3',
    });
    const onGone = (): void => {
      if (this.client !== client) return;
      this.client = undefined;
      if (this.closed) return;
      this.options.onLost();
      this.reconnect(RECONNECT_MIN_MS);
    };
    client.on('error', onGone);
    client.on('end', onGone);
    client.on('notification', ({ payload }) => this.options.onNotification(payload ?? ''));
    try {
      await client.connect();
      await client.query('LISTEN sallyport_log');
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    if (this.closed) await client.end().catch(() => {});
    else this.client = client;
  }

  /** Whether locks taken are held still. */
  get isOpen(): boolean {
    return this.client !== undefined;
  }

  /** Resolves to `undefined` when the connection is gone or goes. One statement runs at a time; others wait their turn. */
  query<R extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<SqlResult<R> | undefined> {
    const result = this.turn.then(() => this.run<R>(text, values));
    this.turn = result.catch(() => {});
    return result;
  }

  private async run<R extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<SqlResult<R> | undefined> {
    const { client } = this;
    if (client === undefined) return undefined;
    try {
      const { rows, rowCount } = await client.query<R>(text, values);
      return { rows, rowCount: rowCount ?? 0 };
    } catch (error) {
      if (this.client !== client || isConnectionFault(error)) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const { client } = this;
    this.client = undefined;
    await client?.end().catch(() => {});
  }

  private reconnect(delayMs: number): void {
    this.timer = setTimeout(() => {
      this.open().then(
        () => {
          if (!this.closed) this.options.onBack();
        },
        () => {
          if (!this.closed) this.reconnect(Math.min(delayMs * 2, RECONNECT_MAX_MS));
        },
      );
    }, delayMs);
    this.timer.unref();
  }
}
