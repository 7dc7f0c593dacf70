import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compileCedar } from './cedar-policy-set.js';
import { readPolicyFiles } from './policy-bundle.js';
import { runPolicyTests } from './policy-tests.js';

const FOLDER = join(import.meta.dirname, '../../../../../policies');
const files = Object.fromEntries(
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(cedar|cedarschema|yaml)$/.test(file))
    .map((file) => [file, readFileSync(join(FOLDER, file), 'utf8')]),
);

test('the shipped policies compile without a fault and pass every test beside them', () => {
  const { bundle, faults } = readPolicyFiles(files);
  expect(faults).toEqual([]);
  const outcome = compileCedar(bundle, { users: [], agents: [], delegations: [] });
  expect(outcome.ok ? [] : outcome.faults).toEqual([]);
  if (!outcome.ok) return;
  const report = runPolicyTests(bundle.tests, outcome.set);
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThan(20);
});
