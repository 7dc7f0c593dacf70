import { decodeEvent } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { SallyportConfiguration } from '@sallyport/platform';

const WAIT_MS = 20_000;

/** Waits, for a while, until the catalog shows a pinned tool of every server; answers the servers of which it shows none. */
export const whenToolsArePinned = async ({ upstreams }: SallyportConfiguration, log: EventLog): Promise<readonly string[]> => {
  const missing = new Set(upstreams.map(({ server }) => server));
  const found = Promise.withResolvers<void>();
  const subscription = await log.subscribe({
    group: 'edge-gateway.start',
    topics: ['catalog.state.v1'],
    from: 'earliest',
    positions: 'ephemeral',
    handle: async ({ records }) => {
      for (const record of records) {
        const event = decodeEvent(record);
        if (event.type === 'ToolInCatalog' && event.data.pinnedDigest !== null) missing.delete(event.data.server);
      }
      if (missing.size === 0) found.resolve();
    },
  });
  const timer = setTimeout(() => found.resolve(), WAIT_MS);
  await found.promise;
  clearTimeout(timer);
  await subscription.close();
  return [...missing];
};
