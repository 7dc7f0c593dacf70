import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { editorSchemas } from './editor-schemas.js';

const ROOT = join(import.meta.dirname, '../../../../..');

test.each(Object.entries(editorSchemas()))('%s is what the sources say (written by editorSchemas())', (path, text) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
});
