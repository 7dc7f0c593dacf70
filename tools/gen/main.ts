// Writes every generated file; with `--check`, writes nothing and exits 1 when one would change. Run through `npm run gen`.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncApiFiles } from './asyncapi.ts';
import { configurationFiles } from './configuration.ts';
import { editorSchemaFiles } from './editor-schemas.ts';
import type { GeneratedFile } from './generated-file.ts';
import { ingressFiles } from './ingress.ts';
import { kafkaFiles } from './kafka.ts';
import { openApiFiles } from './openapi.ts';
import { referenceFiles } from './reference.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };

const current = (path: string): string | null => {
  try {
    return readFileSync(`${ROOT}${path}`, 'utf8');
  } catch {
    return null;
  }
};

const write = ({ path, content, executable }: GeneratedFile) => {
  mkdirSync(dirname(`${ROOT}${path}`), { recursive: true });
  writeFileSync(`${ROOT}${path}`, content);
  if (executable === true) chmodSync(`${ROOT}${path}`, 0o755);
};

const files = [
  ...asyncApiFiles(version),
  ...configurationFiles(),
  ...editorSchemaFiles(),
  ...ingressFiles(),
  ...kafkaFiles(),
  ...openApiFiles(version),
  ...referenceFiles(),
];
const changed = files.filter(({ path, content }) => current(path) !== content);

if (process.argv.includes('--check')) {
  for (const { path } of changed) console.error(`${path} is not what the sources say`);
  if (changed.length > 0) {
    console.error('Run `npm run gen` and commit the result.');
    process.exitCode = 1;
  }
} else {
  for (const file of changed) write(file);
  console.log(`${files.length} generated files, ${changed.length} written`);
}
