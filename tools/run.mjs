#!/usr/bin/env node
// The one task runner: `npm start | test | run demo | check | build | gen` all come here.
// Plain JavaScript without a dependency, because it runs on the Node that is found (20 or newer) before anything is installed.
import { cli } from './run/cli.mjs';
import { ensureInstalled } from './run/install.mjs';
import { modernNode } from './run/modern-node.mjs';
import { complain, Refusal } from './run/report.mjs';

const COMMANDS = {
  start: (node, args) => cli(node, ['start', ...args]),
  demo: (node, args) => cli(node, ['demo', ...args]),
  cli: (node, args) => cli(node, args),
  test: async (node, args) => (await import('./run/test.mjs')).test(node, args),
  check: async (node, args) => (await import('./run/check.mjs')).check(node, args),
  conformance: async (node) => (await import('./run/conformance.mjs')).conformance(node),
  bench: async (node, args) => (await import('./run/bench.mjs')).bench(node, args),
  faults: async (node, args) => (await import('./run/faults.mjs')).faults(node, args),
  build: async (node) => (await import('./run/build.mjs')).buildAll(node),
  gen: async (node, args) => (await import('./run/gen.mjs')).gen(node, args),
};

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;

if (Number(process.versions.node.split('.')[0]) < 20) {
  complain(`Sallyport needs Node 20 or newer to start (it brings the Node it runs on); this is ${process.versions.node}.`);
  process.exitCode = 1;
} else if (command === undefined) {
  complain(`Usage: node tools/run.mjs ${Object.keys(COMMANDS).join(' | ')}`);
  process.exitCode = 2;
} else {
  try {
    await ensureInstalled();
    process.exitCode = await command(modernNode(), args);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    process.exitCode = 1;
  }
}
