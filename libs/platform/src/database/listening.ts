import pg from 'pg';
import { plainIdentifier } from './identifier.js';
import type { Listening, ListenOptions } from './sql.js';
import { toStoreError } from './store-error.js';

/** Wait between attempts to listen again: short, because appends are felt late meanwhile. */
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;

/** Listens on a connection of its own and reopens it until closed. Throws `store.unavailable` when the first connection cannot be made. */
export const listenOn = async (connection: pg.ClientConfig, options: ListenOptions): Promise<Listening> => {
  const channel = plainIdentifier(options.channel);
  let closed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    // A listener idles by nature, so no statement timeout applies to it.
    const next = new pg.Client({ ...connection, statement_timeout: undefined });
    let lost = false;
    const onLost = (): void => {
      if (lost) return;
      lost = true;
      if (client === next) client = undefined;
      if (!closed && established) reconnect(RECONNECT_MIN_MS);
    };
    let established = false;
    next.on('error', onLost);
    next.on('end', onLost);
    next.on('notification', ({ payload }) => options.onNotification(payload ?? ''));
    try {
      await next.connect();
      await next.query(`LISTEN ${channel}`);
    } catch (error) {
      await next.end().catch(() => {});
      throw error;
    }
    if (closed || lost) {
      await next.end().catch(() => {});
      if (!closed) throw new Error('Connection terminated while it was opened');
      return;
    }
    established = true;
    client = next;
  };

  const reconnect = (delayMs: number): void => {
    timer = setTimeout(() => {
      connect().then(
        () => {
          if (!closed) options.onGap?.();
        },
        () => {
          if (!closed) reconnect(Math.min(delayMs * 2, RECONNECT_MAX_MS));
        },
      );
    }, delayMs);
    timer.unref();
  };

  await connect().catch((error: unknown) => {
    throw toStoreError(error, `listening on ${channel}`);
  });
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
};
