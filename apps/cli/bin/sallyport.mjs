#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=131072 node --max-semi-space-size=16 --heap-growing-percent=40
// Runs on the Node that is found (20 or newer): the product itself needs a newer one, which the lockfile brings.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const modern = `${root}node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
const [major, minor] = process.versions.node.split('.').map(Number);

if (!existsSync(entry)) {
  console.error('Sallyport is not built yet. Run `npm start` (or `npm run build`) once in its folder.');
  process.exit(1);
}
if (major > 24 || (major === 24 && minor >= 11)) {
  await import(entry);
} else if (existsSync(modern)) {
  const { status, signal } = spawnSync(modern, [...process.execArgv, entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
} else {
  console.error(
    `Sallyport needs Node 24.11 or newer and found ${process.versions.node}. Run \`npm ci\` in its folder: the lockfile brings one.`,
  );
  process.exit(1);
}
