// `npm run check`: everything that can be said of the sources without running them.
import { complain, Refusal, say, seconds } from './report.mjs';
import { runQuietly } from './spawn.mjs';
import { at } from './workspace.mjs';

const SOURCES = ['apps', 'libs', 'test', 'tools', 'integrations'];

const CHECKS = [
  ['types: projects', ['node_modules/@typescript/native/bin/tsc', '-b']],
  ['types: tests and tools', ['node_modules/@typescript/native/bin/tsc', '-p', 'tsconfig.spec.json']],
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']],
  ['import directions', ['node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', '--config', '.dependency-cruiser.cjs', ...SOURCES]],
  ['generated files are current', ['tools/gen/main.ts', '--check']],
];

/** Runs each check in turn, all of them whatever fails, a line each. Returns the exit code. */
export const check = async (node, args) => {
  const chosen = args.length === 0 ? CHECKS : CHECKS.filter(([name]) => args.some((word) => name.includes(word)));
  if (chosen.length === 0) throw new Refusal(`No such check. There are: ${CHECKS.map(([name]) => name).join(' · ')}`);
  let failed = 0;
  for (const [name, [script, ...rest]] of chosen) {
    const startedAt = performance.now();
    const { code, output } = await runQuietly(node, [at(script), ...rest]);
    say(`${code === 0 ? '✓' : '✗'} ${name} (${seconds(startedAt)})`);
    if (code === 0) continue;
    failed += 1;
    complain(output.replaceAll(/^/gm, '    '));
  }
  say();
  say(`${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
};
