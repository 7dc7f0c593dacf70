import { hash, webcrypto } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '../http/audit.js';
import type { CallProof, ProvenRecord, SignedHead } from '../http/audit-proof.js';
import { CHAIN_GENESIS, type ChainRecord, canonicalRecord, recordDigest, sealedAsDigests } from './canonical-record.js';
import { type ProofCrypto, verifyCallProof } from './verify-call-proof.js';

const sha256 = (text: string): string => hash('sha256', text);

/** As the console does it: WebCrypto and nothing else. */
const crypto: ProofCrypto = {
  sha256: async (text) => Buffer.from(await webcrypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('hex'),
  verifyEd25519: async (x, signature, data) => {
    const key = await webcrypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519', false, ['verify']);
    return webcrypto.subtle.verify('Ed25519', key, signature, data);
  },
};

const TOPIC = 'tool-call.events.v1';
const recordAt = (entry: number, callId: string): ChainRecord => ({
  topic: TOPIC,
  partition: 2,
  position: BigInt(entry * 3),
  key: 'chain-1',
  id: `e${entry}`,
  headers: {
    ce_type: 'io.sallyport.ToolCallRequested.v1',
    ce_id: `e${entry}`,
    ce_subject: callId,
    ce_time: '2026-11-21T12:00:00.000Z',
    ce_source: '/edge-gateway/e',
  },
  value: `{"n":${entry},"sealedParams":"c2VhbGVk${entry}"}`,
});

const base64url = (data: string | ArrayBuffer): string => Buffer.from(data as string).toString('base64url');

interface Evidence {
  readonly shown: { readonly callId: string; readonly events: readonly StoredEvent[] };
  readonly proof: CallProof;
  readonly keys: Parameters<typeof verifyCallProof>[2];
}

/** A chain of ten entries, the 3rd and the 6th of the call, signed at the 9th. */
const evidence = async (): Promise<Evidence> => {
  const pair = await webcrypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new TypeError('no pair of keys');
  const { privateKey, publicKey } = pair;
  const jwk = await webcrypto.subtle.exportKey('jwk', publicKey);
  const entries: { readonly record: ChainRecord; readonly digest: string; readonly hash: string; readonly previousHash: string }[] = [];
  let previousHash = CHAIN_GENESIS;
  for (let entry = 1; entry <= 10; entry += 1) {
    const record = recordAt(entry, entry === 3 || entry === 6 ? 'c1' : 'other');
    const digest = recordDigest(sha256, record);
    const link = sha256(previousHash + digest);
    entries.push({ record, digest, hash: link, previousHash });
    previousHash = link;
  }
  const at = (entry: number) => entries[entry - 1] ?? expect.unreachable();
  const heads: SignedHead[] = [{ topic: TOPIC, partition: 2, size: 9, position: '27', root: at(9).hash }];
  const header = base64url(JSON.stringify({ alg: 'EdDSA', typ: 'sallyport-checkpoint+jwt', kid: 'k1' }));
  const payload = base64url(JSON.stringify({ logId: 'sallyport', sequence: 4, at: '2026-11-21T12:01:00.000Z', previous: null, heads }));
  const signature = await webcrypto.subtle.sign('Ed25519', privateKey, new TextEncoder().encode(`${header}.${payload}`));
  const proven = (entry: number): ProvenRecord => {
    const { record, hash: link } = at(entry);
    return { ...record, position: String(record.position), entry: String(entry), hash: link, value: sealedAsDigests(sha256, record.value) };
  };
  const shown = (entry: number): StoredEvent => ({
    ...{ topic: TOPIC, partition: 2, position: String(entry * 3), entry: String(entry), hash: at(entry).hash, id: `e${entry}` },
    ...{ type: 'ToolCallRequested', occurredAt: '2026-11-21T12:00:00.000Z', source: '/edge-gateway/e' },
    data: { n: entry, sealedParams: '[sealed]' },
  });
  return {
    shown: { callId: 'c1', events: [shown(3), shown(6)] },
    proof: {
      callId: 'c1',
      records: [proven(3), proven(6)],
      segments: [
        {
          ...{ topic: TOPIC, partition: 2, firstEntry: '3', previousHash: at(3).previousHash, checkpoint: 4 },
          digests: entries.slice(2, 9).map(({ digest }) => digest),
        },
      ],
      checkpoints: [{ sequence: 4, signed: `${header}.${payload}.${base64url(signature)}` }],
      tooFar: [],
    },
    keys: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: jwk.x, kid: 'k1' }] },
  };
};

const verify = ({ shown, proof, keys }: Evidence) => verifyCallProof(shown, proof, keys, crypto);
const first = <T>([one]: readonly T[]): T => one ?? expect.unreachable();

describe('a proof of what nobody touched', () => {
  test('holds up to the signed head, without a sealed value and without the content of any other record', async () => {
    const given = await evidence();
    expect(await verify(given)).toEqual({
      ...{ ok: true, events: 2, intact: 2, signed: 2, unsigned: 0, tooFar: 0, hashesComputed: 9, signaturesUnchecked: false, faults: [] },
      checkpoints: [{ sequence: 4, at: '2026-11-21T12:01:00.000Z', kid: 'k1' }],
    });
    expect(JSON.stringify(given.proof)).not.toMatch(/c2VhbGVk|"other"/);
  });

  test('says what is not signed yet, what is too far, and what this platform cannot check, and calls none of it signed', async () => {
    const given = await evidence();
    const segment = { ...first(given.proof.segments), checkpoint: null };
    expect(await verify({ ...given, proof: { ...given.proof, segments: [segment], checkpoints: [] } })).toMatchObject({
      ...{ ok: true, intact: 2, signed: 0, unsigned: 2 },
    });
    const far = { ...given.proof, records: [], segments: [], checkpoints: [], tooFar: ['e3', 'e6'] };
    expect(await verify({ ...given, proof: far })).toMatchObject({ ok: true, intact: 0, signed: 0, tooFar: 2 });
    expect(await verifyCallProof(given.shown, given.proof, given.keys, { ...crypto, verifyEd25519: async () => null })).toMatchObject({
      ...{ ok: true, intact: 2, signed: 0, signaturesUnchecked: true },
    });
  });
});

describe('a proof of what somebody changed', () => {
  test('fails when what is shown is not what the record holds', async () => {
    const given = await evidence();
    for (const change of [
      { data: { n: 4, sealedParams: '[sealed]' } },
      { type: 'ToolCallRefused' },
      { occurredAt: '2026-11-21T12:00:00.001Z' },
    ]) {
      const [one, two] = given.shown.events;
      const events = [{ ...(one ?? expect.unreachable()), ...change }, two ?? expect.unreachable()];
      expect((await verify({ ...given, shown: { callId: 'c1', events } })).faults).toMatchObject([{ kind: 'differs', eventId: 'e3' }]);
    }
    expect((await verify({ ...given, shown: { ...given.shown, callId: 'c2' } })).ok).toBe(false);
  });

  test('fails when a record was edited, whether or not its hash and digest were made anew', async () => {
    const given = await evidence();
    const [record, other] = given.proof.records;
    if (record === undefined || other === undefined) expect.unreachable();
    const value = record.value.replace('"n":3', '"n":4');
    const events = given.shown.events.map((event) => (event.id === 'e3' ? { ...event, data: { n: 4, sealedParams: '[sealed]' } } : event));
    const edited = { ...given, shown: { callId: 'c1', events }, proof: { ...given.proof, records: [{ ...record, value }, other] } };
    expect((await verify(edited)).faults).toMatchObject([{ kind: 'edited', eventId: 'e3' }]);
    const segment = first(given.proof.segments);
    const digest = sha256(canonicalRecord({ ...record, value, position: BigInt(record.position) }));
    const link = sha256(segment.previousHash + digest);
    const remade = {
      shown: { callId: 'c1', events: events.map((event) => (event.id === 'e3' ? { ...event, hash: link } : event)) },
      proof: {
        ...given.proof,
        records: [{ ...record, value, hash: link }, other],
        segments: [{ ...segment, digests: [digest, ...segment.digests.slice(1)] }],
      },
      keys: given.keys,
    };
    expect((await verify(remade)).faults.map(({ kind }) => kind)).toContain('rewritten');
  });

  test('fails when an event has no proof, or a checkpoint is by no published key', async () => {
    const given = await evidence();
    expect((await verify({ ...given, proof: { ...given.proof, records: given.proof.records.slice(1) } })).faults).toMatchObject([
      { kind: 'missing', eventId: 'e3' },
    ]);
    const other = await evidence();
    expect(await verify({ ...given, keys: other.keys })).toMatchObject({ ok: false, signed: 0, faults: [{ kind: 'checkpoint-forged' }] });
    const unsigned = { ...given.proof, checkpoints: [{ sequence: 4, signed: 'not.a.jws' }] };
    expect(await verify({ ...given, proof: unsigned })).toMatchObject({ ok: false, signed: 0 });
  });

  test('fails whichever digit of it is another', async () => {
    const given = await evidence();
    const text = JSON.stringify(given.proof);
    const digits = [...text.matchAll(/[0-9a-f]{64}/g)].map(({ index }) => index);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...digits), fc.nat(63), async (start, offset) => {
        const at = start + offset;
        const changed = text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
        expect((await verify({ ...given, proof: JSON.parse(changed) })).ok).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
