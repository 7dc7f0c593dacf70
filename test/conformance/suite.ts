import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_FOLDER } from '@sallyport/testing';
import { parse } from 'yaml';
import { z } from 'zod';

/** The revisions whose requirements are run, newest last. */
export const REVISIONS = ['2025-11-25', '2026-07-28'] as const;

/** What became of one scenario. */
export interface Scenario {
  readonly name: string;
  readonly isRequired: boolean;
  readonly passed: number;
  readonly failed: number;
}

export interface SuiteRun {
  readonly exitCode: number;
  readonly scenarios: readonly Scenario[];
  readonly output: string;
}

const PACKAGE = join(ROOT_FOLDER, 'node_modules', '@modelcontextprotocol', 'conformance');
/** The suite's command. */
export const PACKAGE_PROGRAM = join(PACKAGE, 'dist', 'index.js');
const SUMMARY_LINE = /^[✓✗] (\S+): (\d+) passed, (\d+) failed/;
const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const Requirements = z.object({ server: z.array(z.string()).min(1) });

/** Names of the scenarios that a revision requires of a server, from the list that the suite froze at its release. */
export const requiredBy = (revision: string): readonly string[] =>
  Requirements.parse(parse(readFileSync(join(PACKAGE, 'requirements', `${revision}.yaml`), 'utf8'))).server;

/** Reads the suite's own summary. */
export const scenariosIn = (output: string, required: readonly string[]): Scenario[] =>
  output
    .replaceAll(ESCAPES, '')
    .split('\n')
    .flatMap((line) => {
      const [, name, passed, failed] = SUMMARY_LINE.exec(line) ?? [];
      return name === undefined ? [] : [{ name, isRequired: required.includes(name), passed: Number(passed), failed: Number(failed) }];
    });

/** Runs all that a revision requires of a server, and what the suite reports besides, against `url`. Details of each check are kept in `folder`. */
export const runSuite = async (options: {
  readonly url: string;
  readonly revision: string;
  readonly folder: string;
}): Promise<SuiteRun> => {
  const { url, revision, folder } = options;
  const expected = join(ROOT_FOLDER, 'test', 'conformance', 'expected-failures.yml');
  const args = [PACKAGE_PROGRAM, 'server', '--url', url, '--requirements', revision, '--expected-failures', expected, '-o', folder];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  return { exitCode, scenarios: scenariosIn(output, requiredBy(revision)), output };
};
