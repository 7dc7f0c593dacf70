import { ConfigurationError, parseConfiguration } from '@sallyport/platform';
import { expect, test } from 'vitest';
import { declaredBudgetsOf } from './budget-accountant.part.js';

const HEAD = `
tenants: [{ id: acme, name: Acme }, { id: globex, name: Globex }]
identity:
  issuers: [{ issuer: i, tokenSource: login, jwksFile: keys.json }]
`;
const parse = (budget: string) => parseConfiguration({ text: `${HEAD}budget:\n${budget}`, file: '/etc/sallyport.yaml', env: {} });
const faultsOf = (budget: string): readonly string[] => {
  try {
    parse(budget);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
};

test('limits of one account are put together by window, and a tenant that declares none is there too', () => {
  const configuration = parse(`
  limits:
    - { tenant: acme, account: "user:*", window: day, maxMicros: 5000000, currency: USD }
    - { tenant: acme, account: "user:*", window: minute, maxCalls: 30 }
    - { tenant: acme, account: "tenant:acme", window: month, maxMicros: 9, currency: EUR, maxCalls: 2 }`);
  expect(declaredBudgetsOf(configuration)).toEqual([
    {
      tenantId: 'acme',
      limits: new Map([
        ['user:*', { day: { maxMicros: 5_000_000, currency: 'USD' }, minute: { maxCalls: 30 } }],
        ['tenant:acme', { month: { maxMicros: 9, currency: 'EUR', maxCalls: 2 } }],
      ]),
    },
    { tenantId: 'globex', limits: new Map() },
  ]);
  expect(configuration.budget).toMatchObject({ holdGraceSeconds: 60, inDoubtAfterSeconds: 3_600 });
});

test('every fault is reported with its place', () => {
  expect(
    faultsOf(`
  limits:
    - { tenant: acme, account: ada, window: day, maxCalls: 1 }
    - { tenant: acme, account: "user:ada", window: week, maxCalls: 1 }
    - { tenant: acme, account: "user:ada", window: day, maxMicros: 1 }
    - { tenant: acme, account: "user:ada", window: hour }
  holdGraceSeconds: 0`).map((fault) => fault.split(':')[0]),
  ).toEqual(['budget.limits[0].account', 'budget.limits[1].window', 'budget.limits[2]', 'budget.limits[3]', 'budget.holdGraceSeconds']);
  expect(
    faultsOf(`
  limits:
    - { tenant: acme, account: "user:ada", window: day, maxCalls: 1 }
    - { tenant: acme, account: "user:ada", window: day, maxCalls: 2 }`),
  ).toEqual(['budget.limits[1]: limit user:ada of acme by day is there twice']);
  expect(
    faultsOf(`
  limits:
    - { tenant: nowhere, account: "user:ada", window: day, maxCalls: 1 }
    - { tenant: acme, account: "tenant:globex", window: day, maxCalls: 1 }`),
  ).toEqual(['budget.limits[0].tenant: there is no tenant nowhere', 'budget.limits[1].account: is an account of another tenant than acme']);
});
