import { resolvePoisonedChain } from '@sallyport/log';
import type { ChangeCause, Changes } from './changes.js';

/** A dead letter, as far as the chain it belongs to is concerned. */
export interface DeadLetter {
  readonly id: string;
  readonly tenantId: string;
  readonly chainId: string;
  readonly service: string;
  readonly reason: string;
  readonly traceparent: string | null;
}

/** Marks the chains of dead letters, so that they are refused until somebody resolves them. Idempotent by dead letter. */
export const poisonChains = async (changes: Changes, letters: readonly DeadLetter[]): Promise<void> => {
  for (const letter of letters) {
    const { id, tenantId, chainId, service, reason } = letter;
    await changes.apply({ by: 'system:dead-letter', traceparent: letter.traceparent, causationId: id }, async (tx, epoch) => {
      const { rowCount } = await tx.query(
        `INSERT INTO chain_poison (chain_id, dead_letter_id, tenant_id, service, reason, active, epoch) VALUES ($1, $2, $3, $4, $5, true, $6)
         ON CONFLICT (chain_id, dead_letter_id) DO NOTHING`,
        [chainId, `${service}/${id}`, tenantId, service, reason, epoch],
      );
      if (rowCount === 0) return null;
      return {
        result: undefined,
        records: [{ type: 'ChainPoisoned', tenantId, id: chainId, chainId, data: { service, deadLetterId: id, reason, epoch } }],
      };
    });
  }
};

/** Lets a chain go on, here and in the decision point's own groups. Answers whether it was poisoned; returns once it holds. */
export const resolveChain = async (
  changes: Changes,
  tenantId: string,
  chainId: string,
  cause: ChangeCause & { readonly why: string; readonly groups: readonly string[] },
): Promise<boolean> => {
  const resolved = await changes.apply(cause, async (tx, epoch) => {
    const { rowCount } = await tx.query(
      'UPDATE chain_poison SET active = false, epoch = $3 WHERE chain_id = $1 AND tenant_id = $2 AND active',
      [chainId, tenantId, epoch],
    );
    if (rowCount === 0) return null;
    for (const group of cause.groups) await resolvePoisonedChain(tx, group, chainId);
    return {
      result: true,
      records: [{ type: 'ChainCleared', tenantId, id: chainId, chainId, data: { clearedBy: cause.by, why: cause.why, epoch } }],
    };
  });
  if (resolved !== null) await changes.settled();
  return resolved !== null;
};
