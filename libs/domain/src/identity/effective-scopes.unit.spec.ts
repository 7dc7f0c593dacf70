import type { Principal } from '@sallyport/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type IdentityDirectory, scopesInForce } from './effective-scopes.js';

const principal = (over: Partial<Principal> = {}): Principal => ({
  ...{ subject: 'user:ada', actors: [], tenantId: 'acme', issuer: 'https://a.example', scopes: ['a', 'b', 'c', 'd'], mode: 'interactive' },
  ...{ clientId: null, environment: 'production', tokenSource: 'a', workflow: null },
  ...over,
});
const directory = (over: Partial<IdentityDirectory> = {}): IdentityDirectory => ({ users: [], agents: [], delegations: [], ...over });

const scopes = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'));
const names = fc.constantFrom('agent:x', 'agent:y', 'agent:z');

test('no agent exceeds its user, itself, what was delegated to it, or the token', () => {
  fc.assert(
    fc.property(
      fc.record({
        user: scopes,
        token: scopes,
        actors: fc.uniqueArray(names, { minLength: 1 }),
        ceilings: fc.array(scopes, { minLength: 3, maxLength: 3 }),
        given: fc.array(scopes, { minLength: 3, maxLength: 3 }),
      }),
      ({ user, token, actors, ceilings, given }) => {
        const all = ['agent:x', 'agent:y', 'agent:z'];
        const { ceiling, effective } = scopesInForce(
          principal({ actors, scopes: token }),
          directory({
            users: [{ id: 'user:ada', scopes: user }],
            agents: all.map((id, index) => ({ id, scopes: ceilings[index] ?? [] })),
            delegations: all.map((agent, index) => ({ subject: '*', agent, scopes: given[index] ?? [] })),
          }),
        );
        const limits = [user, ...actors.flatMap((actor) => [ceilings[all.indexOf(actor)] ?? [], given[all.indexOf(actor)] ?? []])];
        const within = (set: readonly string[], limit: readonly string[]): boolean => set.every((scope) => limit.includes(scope));
        return limits.every((limit) => within(ceiling, limit)) && within(effective, ceiling) && within(effective, token);
      },
    ),
  );
});

test('one more actor never adds a scope', () => {
  fc.assert(
    fc.property(scopes, scopes, (first, second) => {
      const known = directory({
        users: [{ id: 'user:ada', scopes: ['a', 'b', 'c', 'd'] }],
        agents: [
          { id: 'agent:x', scopes: first },
          { id: 'agent:y', scopes: second },
        ],
        delegations: ['agent:x', 'agent:y'].map((agent) => ({ subject: '*', agent, scopes: ['a', 'b', 'c', 'd'] })),
      });
      const one = scopesInForce(principal({ actors: ['agent:x'] }), known).effective;
      return scopesInForce(principal({ actors: ['agent:x', 'agent:y'] }), known).effective.every((scope) => one.includes(scope));
    }),
  );
});

test('whoever is not named has nothing; a default entry names everybody else', () => {
  expect(scopesInForce(principal(), directory()).effective).toEqual([]);
  const users = [
    { id: '*', scopes: ['a'] },
    { id: 'user:ada', scopes: ['b'] },
  ];
  expect(scopesInForce(principal(), directory({ users })).effective).toEqual(['b']);
  expect(scopesInForce(principal({ subject: 'user:kim' }), directory({ users })).effective).toEqual(['a']);
});

test('an agent without a delegation acts for nobody; a delegation of her own beats the one for everybody', () => {
  const known = { users: [{ id: 'user:ada', scopes: ['a', 'b'] }], agents: [{ id: 'agent:x', scopes: ['a', 'b'] }] };
  expect(scopesInForce(principal({ actors: ['agent:x'] }), directory(known)).effective).toEqual([]);
  const delegations = [
    { subject: '*', agent: 'agent:x', scopes: ['a', 'b'] },
    { subject: 'user:ada', agent: 'agent:x', scopes: ['a'] },
  ];
  expect(scopesInForce(principal({ actors: ['agent:x'] }), directory({ ...known, delegations })).effective).toEqual(['a']);
});

test('the same name from another issuer is another person', () => {
  const users = [
    { id: 'user:ada', issuer: 'a', scopes: ['a', 'b'] },
    { id: '*', scopes: ['c'] },
  ];
  expect(scopesInForce(principal(), directory({ users })).effective).toEqual(['a', 'b']);
  expect(scopesInForce(principal({ tokenSource: 'b', issuer: 'https://b.example' }), directory({ users })).effective).toEqual(['c']);
});
