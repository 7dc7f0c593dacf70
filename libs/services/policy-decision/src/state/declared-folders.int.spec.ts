import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readCatalogFolder, readPolicyFolder } from './declared-folders.js';

const aFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-folder-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

test('a folder that Kubernetes mounts is read as what was put in it, each file once and under its own name', async () => {
  const folder = aFolder();
  mkdirSync(join(folder, '..2026_11_27_22_00_00.1'));
  writeFileSync(join(folder, '..2026_11_27_22_00_00.1', 'grants.yaml'), 'grants: []');
  symlinkSync('..2026_11_27_22_00_00.1', join(folder, '..data'));
  symlinkSync(join('..data', 'grants.yaml'), join(folder, 'grants.yaml'));
  expect(await readPolicyFolder(folder)).toEqual({ 'grants.yaml': 'grants: []' });
});

test('folders below are read with their names, and what is no policy or record is left alone', async () => {
  const folder = aFolder();
  mkdirSync(join(folder, 'tests'));
  for (const name of ['a.cedar', 'b.cedarschema', 'README.md', 'tests/t.yaml']) writeFileSync(join(folder, name), name);
  expect(Object.keys(await readPolicyFolder(folder))).toEqual(['a.cedar', 'b.cedarschema', 'tests/t.yaml']);
  expect(Object.keys(await readCatalogFolder(folder))).toEqual(['tests/t.yaml']);
});

test('a folder that is not there is a fault of the configuration', async () => {
  await expect(readPolicyFolder(join(aFolder(), 'none'))).rejects.toMatchObject({ code: 'configuration.invalid' });
});
