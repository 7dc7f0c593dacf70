import type { z } from 'zod';
import type { StoredEvent } from '../http/audit.js';
import { type CallProof, CHECKPOINT_TYPE, CheckpointStatement, type ProofSegment, type ProvenRecord } from '../http/audit-proof.js';
import type { JsonWebKeys } from '../http/open.js';
import type { Json } from '../values.js';
import { canonicalRecord } from './canonical-record.js';

/** What verification needs of the platform it runs on; in a browser both are WebCrypto. */
export interface ProofCrypto {
  /** SHA-256 of the UTF-8 bytes of a text, in hexadecimal digits. */
  sha256(text: string): Promise<string>;
  /** Whether an Ed25519 signature holds; `null` where this platform cannot tell. `x` is the public key, base64url. */
  verifyEd25519(x: string, signature: Uint8Array<ArrayBuffer>, data: Uint8Array<ArrayBuffer>): Promise<boolean | null>;
}

/**
 * `differs`: what is shown is not what the record holds. `edited`: a record does not give its digest or its hash. `missing`: an event that is shown has
 * no proof. `rewritten`: the chain does not lead to what was signed. `checkpoint-forged`: a checkpoint is signed by no published key.
 */
export interface ProofFault {
  readonly kind: 'differs' | 'edited' | 'missing' | 'rewritten' | 'checkpoint-forged';
  readonly eventId: string | null;
  readonly detail: string;
}

/** What was found. */
export interface CallVerification {
  /** No fault was found. With `signed` below the number of events, it does not say that all are signed. */
  readonly ok: boolean;
  readonly events: number;
  /** Events whose content gives the hash that is shown. */
  readonly intact: number;
  /** Events from which the chain leads to a head that a published key signed. */
  readonly signed: number;
  /** Events that no checkpoint covers yet. */
  readonly unsigned: number;
  /** Events too far from their checkpoint to be checked here. */
  readonly tooFar: number;
  readonly hashesComputed: number;
  readonly checkpoints: readonly { readonly sequence: number; readonly at: string; readonly kid: string }[];
  /** This platform could not check the signatures (no Ed25519): nothing is counted as signed. */
  readonly signaturesUnchecked: boolean;
  readonly faults: readonly ProofFault[];
}

/** Keys as `GET /v1/audit/keys` tells them. */
type PublicKeys = z.infer<typeof JsonWebKeys>;

const bytesOf = (base64url: string): Uint8Array<ArrayBuffer> => {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
};

const textOf = (base64url: string): string => new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(base64url));

interface OpenedCheckpoint {
  readonly kid: string;
  readonly statement: CheckpointStatement;
  /** `null`: could not be checked. */
  readonly holds: boolean | null;
}

/** Opens a compact JWS (RFC 7515) of ours; `null` for anything else. */
const openCheckpoint = async (crypto: ProofCrypto, keys: PublicKeys, signed: string): Promise<OpenedCheckpoint | null> => {
  try {
    const [header = '', payload = '', signature = '', ...rest] = signed.split('.');
    const { alg, typ, kid }: { alg?: unknown; typ?: unknown; kid?: unknown } = JSON.parse(textOf(header));
    const key = keys.keys.find((one) => one.kid === kid && one.kty === 'OKP' && one.crv === 'Ed25519');
    if (rest.length > 0 || alg !== 'EdDSA' || typ !== CHECKPOINT_TYPE || typeof key?.x !== 'string' || key.kid === undefined) return null;
    const holds = await crypto.verifyEd25519(key.x, bytesOf(signature), Uint8Array.from(new TextEncoder().encode(`${header}.${payload}`)));
    return { kid: key.kid, statement: CheckpointStatement.parse(JSON.parse(textOf(payload))), holds };
  } catch {
    return null;
  }
};

/** Text to compare data by: sealed texts are shown as a mark and hashed as a digest, so both count as the same. */
const comparable = (data: Json): string =>
  JSON.stringify(data, (name, field: Json) => (name === 'sealedParams' && typeof field === 'string' ? '' : field));

const parsed = (value: string): Json => {
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
};

const TYPE = /^io\.sallyport\.(.+)\.v\d+$/;

/** What of a shown event is not as the record has it; `null` when all is. */
const differenceOf = (shown: StoredEvent, record: ProvenRecord, callId: string): string | null => {
  const { headers } = record;
  if (headers.ce_subject !== callId) return 'it belongs to another call';
  if (shown.id !== record.id) return 'its id';
  if (shown.hash !== record.hash || shown.entry !== record.entry) return 'its place in the chain';
  if ((TYPE.exec(headers.ce_type ?? '')?.[1] ?? 'unknown') !== shown.type) return 'its type';
  if ((headers.ce_time ?? '') !== shown.occurredAt) return 'its time';
  if ((headers.ce_source ?? '') !== shown.source) return 'its source';
  return comparable(parsed(record.value)) === comparable(shown.data) ? null : 'its data';
};

const placeOf = ({ topic, partition, position }: { topic: string; partition: number; position: string }): string =>
  `${topic}/${partition}/${position}`;

/**
 * Checks a call's place in the record: that each event shown is what the record holds, that its content gives its hash, and that the chain leads
 * from there, over the digests of all that follows, to a head signed by one of the keys. Believes nothing the server says but the keys. Never throws.
 *
 * What it proves: these events stood in the record in this form when the checkpoint was signed. It does not prove that no other event of the
 * call was left out of what is shown, nor that the key is the operator's: compare its id with one got another way.
 */
export const verifyCallProof = async (
  shown: { readonly callId: string; readonly events: readonly StoredEvent[] },
  proof: CallProof,
  keys: PublicKeys,
  crypto: ProofCrypto,
): Promise<CallVerification> => {
  const faults: ProofFault[] = [];
  let hashesComputed = 0;
  const sha256 = (text: string): Promise<string> => {
    hashesComputed += 1;
    return crypto.sha256(text);
  };

  const opened = new Map<number, OpenedCheckpoint>();
  for (const { sequence, signed } of proof.checkpoints) {
    const checkpoint = await openCheckpoint(crypto, keys, signed);
    if (checkpoint !== null && checkpoint.holds !== false && checkpoint.statement.sequence === sequence) opened.set(sequence, checkpoint);
    else faults.push({ kind: 'checkpoint-forged', eventId: null, detail: `checkpoint ${sequence} is not signed by a published key` });
  }

  const records = new Map(proof.records.map((record) => [placeOf(record), record]));
  const intact = new Set<string>();
  const signed = new Set<string>();
  const unsigned = new Set<string>();

  const walk = async (segment: ProofSegment, ofCall: readonly ProvenRecord[]): Promise<void> => {
    const first = BigInt(segment.firstEntry);
    const byEntry = new Map(ofCall.map((record) => [BigInt(record.entry), record]));
    const inSegment: string[] = [];
    let hash = segment.previousHash;
    for (const [index, digest] of segment.digests.entries()) {
      hash = await sha256(hash + digest);
      const record = byEntry.get(first + BigInt(index));
      if (record === undefined) continue;
      const own = await sha256(canonicalRecord({ ...record, position: BigInt(record.position) }));
      if (own !== digest || hash !== record.hash) {
        faults.push({
          kind: 'edited',
          eventId: record.id,
          detail: `entry ${record.entry} of ${record.topic}: its content does not give its hash`,
        });
        continue;
      }
      intact.add(placeOf(record));
      inSegment.push(placeOf(record));
    }
    if (segment.checkpoint === null) {
      for (const place of inSegment) unsigned.add(place);
      return;
    }
    const checkpoint = opened.get(segment.checkpoint);
    if (checkpoint === undefined) return;
    const head = checkpoint.statement.heads.find(({ topic, partition }) => topic === segment.topic && partition === segment.partition);
    if (head?.root !== hash || BigInt(head.size) !== first + BigInt(segment.digests.length) - 1n) {
      const detail = `${segment.topic}, partition ${segment.partition}: the chain does not lead to what checkpoint ${segment.checkpoint} signed`;
      faults.push({ kind: 'rewritten', eventId: null, detail });
      return;
    }
    if (checkpoint.holds === true) for (const place of inSegment) signed.add(place);
  };

  for (const segment of proof.segments) {
    await walk(
      segment,
      proof.records.filter(({ topic, partition }) => topic === segment.topic && partition === segment.partition),
    );
  }

  const tooFar = new Set(proof.tooFar);
  const count = { intact: 0, signed: 0, unsigned: 0, tooFar: 0 };
  for (const event of shown.events) {
    const place = placeOf(event);
    const record = records.get(place);
    if (record === undefined) {
      if (tooFar.has(event.id)) count.tooFar += 1;
      else faults.push({ kind: 'missing', eventId: event.id, detail: `no proof of ${event.type}` });
      continue;
    }
    const difference = differenceOf(event, record, shown.callId);
    if (difference !== null)
      faults.push({ kind: 'differs', eventId: event.id, detail: `${event.type}: not as the record holds it: ${difference}` });
    if (intact.has(place)) count.intact += 1;
    else if (!faults.some(({ kind, eventId }) => kind === 'edited' && eventId === record.id)) {
      faults.push({ kind: 'missing', eventId: event.id, detail: `the proof does not reach ${event.type}` });
    }
    if (signed.has(place)) count.signed += 1;
    if (unsigned.has(place)) count.unsigned += 1;
  }
  return {
    ok: faults.length === 0,
    events: shown.events.length,
    ...count,
    hashesComputed,
    checkpoints: [...opened.values()].map(({ statement, kid }) => ({ sequence: statement.sequence, at: statement.at, kid })),
    signaturesUnchecked: [...opened.values()].some(({ holds }) => holds === null),
    faults,
  };
};
