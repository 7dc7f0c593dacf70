import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { type ChildrenFile, childrenFileOf } from '../stdio-children.js';
import { runStdioHost } from './embedded-children.js';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-children-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('whoever looks for the processes of the servers finds all that are known, however many start in one moment', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `server-${n}`);
  const upstreams = names.map((server) => ({
    ...{ server, tenant: 'acme' },
    transport: {
      ...{ kind: 'stdio' as const, command: process.execPath, args: ['-e', 'process.stdin.resume()'], env: {} },
      ...{ maxMemoryMib: 512, startTimeoutMs: 30_000 },
    },
  }));
  const lines: string[] = [];
  const place = { host: '127.0.0.1', port: 0, secret: 'secret-of-this-test-of-32-letters' };
  const starting = runStdioHost({ upstreams }, folder, place, (line) => lines.push(line));
  const file = childrenFileOf(folder);
  const look = (): ChildrenFile['children'] => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).children : []);
  while (look().filter(({ pid }) => pid !== null).length < names.length) await turn();
  expect(look().map(({ child }) => child)).toEqual(names.map((name) => `acme/${name}`));
  expect(lines).toEqual([]);
  await (await starting).host.close();
});
