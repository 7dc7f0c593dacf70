import { createHmac } from 'node:crypto';
import type { Principal } from '@sallyport/contracts';
import { requestFacts } from '@sallyport/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chainIdOf, claimedOf, type KeyedDigests } from './call-identity.js';

const digests: KeyedDigests = {
  keyedDigest: (tenantId, purpose, bytes) => createHmac('sha256', `${tenantId}/${purpose}`).update(bytes).digest('base64url'),
};
const principal: Principal = {
  ...requestFacts().principal,
  ...{ tenantId: 'acme', issuer: 'https://login.example', subject: 'user:ada', actors: ['agent:inner', 'agent:root'], workflow: null },
};
const chainOf = (over: Partial<Principal> = {}): string => chainIdOf(digests, { ...principal, ...over });

test.each([
  ['another token, with other scopes', { tokenId: 'another', scopes: ['tools:read'] }],
  ['another client, mode and environment', { clientId: 'another', mode: 'autonomous', environment: 'another' }],
  ['another agent called by the one that began', { actors: ['agent:another', 'agent:root'] }],
])('an agent with %s stays in its chain', (_what, over: Partial<Principal>) => expect(chainOf(over)).toBe(chainOf()));

test.each([
  ['tenant', { tenantId: 'globex' }],
  ['person', { subject: 'user:ben' }],
  ['issuer', { issuer: 'https://another.example' }],
  ['agent that began', { actors: ['agent:inner', 'agent:another'] }],
  ['verified workflow', { workflow: 'q3' }],
])('another %s is another chain', (_what, over: Partial<Principal>) => expect(chainOf(over)).not.toBe(chainOf()));

test('a verified workflow is one chain whoever acts in it, and no name makes a principal look like one', () => {
  expect(chainOf({ workflow: 'q3', subject: 'user:ben', actors: ['agent:another'] })).toBe(chainOf({ workflow: 'q3' }));
  expect(chainOf({ workflow: 'user:ada' })).not.toBe(chainOf());
  expect(chainOf({ subject: 'a","b', actors: ['c'] })).not.toBe(chainOf({ subject: 'a', actors: ['b","c'] }));
});

test('what an agent says of itself is bounded, keeps no secret, and counts as not said unless it is a text', () => {
  const secret = `ghp_${'0123456789abcdefghijklmnopqrstuvwxyz'}`;
  const claimed = claimedOf({ model: 'm'.repeat(5_000), intent: `use ${secret}`, prompt: { text: 'x' }, workflow: '', session: 7 });
  expect(claimed.model).toHaveLength(256);
  expect(claimed.intent).not.toContain(secret);
  expect(claimed).toMatchObject({ prompt: null, workflow: null, session: null, client: null });
});

test('what comes again with every call is masked again, and like any other text', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom('ada@example.com', '4111 1111 1111 1111', `ghp_${'0123456789abcdefghijklmnopqrstuvwxyz'}`),
  );
  fc.assert(
    fc.property(texts, fc.nat(200), (said, spaces) => {
      const text = `${' '.repeat(spaces)}${said}`;
      for (const _again of [1, 2]) {
        const { session, client, model } = claimedOf({ session: text, client: text, model: text });
        expect([session, client]).toEqual([model, model]);
      }
    }),
  );
});
