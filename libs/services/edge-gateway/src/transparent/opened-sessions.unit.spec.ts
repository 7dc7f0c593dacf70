import { sealSessionId } from '@sallyport/mcp';
import { openSealer, rootKeyOf, systemClock } from '@sallyport/platform';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenedSessions } from './opened-sessions.js';

const sealer = openSealer({ rootKey: rootKeyOf([{ kid: 'k1', bytes: Buffer.alloc(32, 7) }], 'test'), clock: systemClock });
const names = fc.constantFrom('a', 'b', 'a b', '","', '');
const bindings = fc.record({ tenantId: names, subject: names, actor: names, issuer: names, server: names });

const outcomeOf = (open: () => unknown): unknown => {
  try {
    return open();
  } catch (error) {
    return { refused: error instanceof Error && 'code' in error ? error.code : error };
  }
};

test('a session that was opened before opens for nobody for whom it would not open anew', () => {
  fc.assert(
    fc.property(
      fc.array(bindings, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(5), bindings, fc.boolean())),
      (owners, asks) => {
        const remembering = new OpenedSessions(sealer);
        const sealed = owners.map((owner, n) => sealSessionId(sealer, { ...owner, upstreamSession: `session-${n}` }));
        for (const owner of owners) for (const id of sealed) outcomeOf(() => remembering.open(id, owner));
        for (const [n, stranger, isAltered] of asks) {
          const given = sealed[n % sealed.length] ?? '';
          const id = isAltered ? `${given}A` : given;
          for (const binding of [stranger, ...owners])
            expect(outcomeOf(() => remembering.open(id, binding))).toEqual(outcomeOf(() => new OpenedSessions(sealer).open(id, binding)));
        }
      },
    ),
  );
});

test('a session opens to the id of its upstream, again and again, with one digest for the record', () => {
  const sessions = new OpenedSessions(sealer);
  const owner = { tenantId: 'acme', subject: 'user:ada', actor: 'agent:triage', issuer: 'https://issuer.test', server: 'tools' };
  const id = sealSessionId(sealer, { ...owner, upstreamSession: 'of-the-upstream' });
  const expected = { upstreamSession: 'of-the-upstream', digest: sealer.keyedDigest('acme', 'session', '["tools","of-the-upstream"]') };
  expect([sessions.open(id, owner), sessions.open(id, { ...owner })]).toEqual([expected, expected]);
  expect(() => sessions.open(id, { ...owner, subject: 'user:grace' })).toThrow(expect.objectContaining({ code: 'session.unknown' }));
});
