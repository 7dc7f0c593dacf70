import { editorSchemas } from '@sallyport/policy-decision';
import type { GeneratedFile } from './generated-file.ts';

/** What editors check policy and catalog files against. */
export const editorSchemaFiles = (): readonly GeneratedFile[] =>
  Object.entries(editorSchemas()).map(([path, content]) => ({ path, content }));
