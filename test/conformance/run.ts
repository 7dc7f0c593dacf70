// `npm run conformance`: the official suite against the fixture alone, to prove the fixture, and through the gateway with everything on.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConformanceUpstream } from '@sallyport/testing';
import { runAuthorizationSuite } from './authorization.ts';
import { BearerShim } from './bearer-shim.ts';
import { SERVER, startGovernedGateway } from './governed-gateway.ts';
import { recordFaults } from './record-check.ts';
import { REVISIONS, requiredBy, runSuite } from './suite.ts';

const say = (line = ''): void => void process.stdout.write(`${line}\n`);

const results = mkdtempSync(join(tmpdir(), 'sallyport-conformance-results-'));
let passed = 0;
let failed = 0;

const runAll = async (title: string, url: string): Promise<void> => {
  for (const revision of REVISIONS) {
    const required = requiredBy(revision).length;
    const folder = join(results, `${title.replaceAll(' ', '-')}-${revision}`);
    mkdirSync(folder);
    const { exitCode, scenarios, output } = await runSuite({ url, revision, folder });
    const scored = scenarios.filter(({ isRequired }) => isRequired);
    const missed = scored.filter((scenario) => scenario.failed > 0);
    const others = scenarios.filter(({ isRequired }) => !isRequired);
    const checks = scored.reduce((sum, scenario) => sum + scenario.passed, 0);
    const isWhole = exitCode === 0 && scored.length === required;
    passed += scored.length - missed.length;
    failed += missed.length + (isWhole || missed.length > 0 ? 0 : 1);
    const unscored = `${others.filter((other) => other.failed === 0).length} of ${others.length} that are not`;
    say(
      `${isWhole ? '✓' : '✗'} ${title}, ${revision}: ${scored.length - missed.length} of ${required} required (${checks} checks), ${unscored}`,
    );
    for (const { name } of missed) say(`    failed: ${name}`);
    for (const { name } of others.filter((other) => other.failed > 0)) say(`    not required: ${name}`);
    if (!isWhole && missed.length === 0) say(output.slice(-2_000));
  }
};

const upstream = await ConformanceUpstream.start();
const closing: (() => Promise<unknown>)[] = [() => upstream.close()];
const closeAll = async (): Promise<void> => {
  for (const close of closing.splice(0).reverse()) await close();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void closeAll().finally(() => process.exit(1)));

try {
  await runAll('fixture alone', upstream.url.replace('127.0.0.1', 'localhost'));
  upstream.forgetReceived();
  const gateway = await startGovernedGateway(upstream.url);
  closing.push(() => gateway.close());
  const shim = await BearerShim.start(gateway.url, gateway.token);
  closing.push(() => shim.close());
  await runAll('through the gateway', shim.url(`/mcp/${SERVER}`));
  const login = await runAuthorizationSuite(gateway.url, results);
  const isConforming = login.exitCode === 0 && login.scenarios.length === 2 && login.scenarios.every((scenario) => scenario.failed === 0);
  passed += isConforming ? login.scenarios.length : 0;
  failed += isConforming ? 0 : 1;
  say(`${isConforming ? '✓' : '✗'} the authorization server of this machine: ${login.scenarios.map(({ name }) => name).join(', ')}`);
  if (!isConforming) say(login.output.slice(-2_000));
  const { faults, calls, masked, events } = await recordFaults(gateway, upstream.received());
  if (faults.length === 0) passed += 1;
  else failed += 1;
  say(
    `${faults.length === 0 ? '✓' : '✗'} on record: ${calls} requests decided, ${masked} with something masked, a chain of ${events} events that verifies`,
  );
  for (const fault of faults) say(`    ${fault}`);
} catch (error) {
  failed += 1;
  console.error(error);
} finally {
  await closeAll();
}
if (failed > 0) say(`\nDetails of every check: ${results}`);
else rmSync(results, { recursive: true, force: true });
say();
say(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
