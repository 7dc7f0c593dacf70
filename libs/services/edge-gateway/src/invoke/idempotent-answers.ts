import { AppError, type ErrorCode, type Json, type ToolRecord } from '@sallyport/contracts';
import { isJsonObject, type JsonObject } from '@sallyport/mcp';
import type { Sealer } from '@sallyport/platform';
import type { AuthenticatedCall } from './authenticated-call.js';
import type { EarlierCall, IdempotencyKey } from './dispatch-claims.port.js';

/** Longer answers are delivered and not kept. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** What a retry gets of the call that has its key. */
export type Retold = { readonly answer: JsonObject } | { readonly refusal: ErrorCode };

/**
 * The key of a call, bound to everything that must be the same for it to mean the same: principal with its chain of agents, tool and key.
 * `null` for a call without a key, and for everything but the call of a tool.
 */
export const idempotencyKeyOf = (
  { idempotencyKey, method, principal }: AuthenticatedCall,
  tool: ToolRecord | null,
  paramsHash: string,
  sealer: Pick<Sealer, 'keyedDigest'>,
): IdempotencyKey | null => {
  if (idempotencyKey === null || tool === null || method !== 'tools/call') return null;
  const { tenantId, issuer, subject, actors } = principal;
  const bound = JSON.stringify([issuer, subject, actors, tool.id, idempotencyKey]);
  return { scope: sealer.keyedDigest(tenantId, 'idempotency-scope', bound), paramsHash };
};

/** Seals a delivered answer for the claim of its call. */
export const sealAnswer = (released: JsonObject, tenantId: string, callId: string, sealer: Pick<Sealer, 'seal'>): string | 'too-large' => {
  const told: Record<string, Json> = {};
  for (const name of ['result', 'error'] as const) if (released[name] !== undefined) told[name] = released[name];
  const text = JSON.stringify(told);
  return Buffer.byteLength(text) > ANSWER_BYTES_MAX ? 'too-large' : sealer.seal(tenantId, text, `answer:${callId}`);
};

/** What a call with the same key is told. Throws `sealing.open-failed` for an answer whose key is gone. */
export const retell = (earlier: EarlierCall, key: IdempotencyKey, tenantId: string, sealer: Pick<Sealer, 'open'>): Retold => {
  if (earlier.paramsHash !== key.paramsHash) return { refusal: 'idempotency.mismatch' };
  if (earlier.state === 'open') return { refusal: 'call.in-doubt' };
  if (earlier.state === 'not-retained') return { refusal: 'result.not-retained' };
  const answer: Json = JSON.parse(sealer.open(tenantId, earlier.state.answered, `answer:${earlier.callId}`).toString());
  if (!isJsonObject(answer)) throw new AppError('sealing.open-failed', `the answer of ${earlier.callId} is no message`);
  return { answer: { jsonrpc: '2.0', ...answer } };
};
