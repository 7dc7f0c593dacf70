import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rootKeyFromFile } from './root-key.adapters.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-root-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('makes a missing file once, readable by its owner alone, and reads the same key ever after', () => {
  const path = join(folder, 'keys', 'root.key');
  const made = rootKeyFromFile(path, { createWhenMissing: true });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const read = rootKeyFromFile(path, { createWhenMissing: true });
  expect(read.versions[0].key.equals(made.versions[0].key)).toBe(true);
  expect(readdirSync(join(folder, 'keys'))).toEqual(['root.key']);
});

test('refuses a missing file unless told to make one, and one that other accounts can read', () => {
  const path = join(folder, 'root.key');
  expect(() => rootKeyFromFile(path)).toThrow(expect.objectContaining({ code: 'configuration.invalid' }));
  rootKeyFromFile(path, { createWhenMissing: true });
  chmodSync(path, 0o644);
  expect(() => rootKeyFromFile(path)).toThrow(/chmod 600/);
});
