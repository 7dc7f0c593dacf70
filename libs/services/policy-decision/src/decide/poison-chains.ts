import { eventTypeOf } from '@sallyport/contracts';
import { DEAD_LETTER_HEADERS, type RecordBatch } from '@sallyport/log';
import type { Changes } from '../state/changes.js';
import { poisonChains } from '../state/poisoned-chains.js';

/**
 * Takes note of what any service could not handle: the chain of each dead letter is refused from now on. A dead letter that belongs to no
 * chain (a control event, a rejected request) stops nobody.
 */
export const poisonChainsOf =
  (changes: Changes) =>
  async ({ records }: RecordBatch): Promise<void> => {
    await poisonChains(
      changes,
      records.flatMap(({ id, topic, headers }) => {
        const chainId = headers.ce_chainid;
        const tenantId = headers.ce_tenantid;
        if (chainId === undefined || tenantId === undefined) return [];
        const code = headers[DEAD_LETTER_HEADERS.errorCode] ?? 'unknown';
        const reason = `${eventTypeOf(headers) ?? 'a record'}: ${headers[DEAD_LETTER_HEADERS.reason] ?? 'dead letter'} (${code})`.slice(
          0,
          256,
        );
        const service = topic.replace(/\.dead-letter\.v1$/, '');
        return [{ id, tenantId, chainId, service, reason, traceparent: headers.traceparent ?? null }];
      }),
    );
  };
