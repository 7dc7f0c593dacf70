import { z } from 'zod';
import { CatalogFile } from '../catalog/catalog-file.js';
import { cedarSchema } from './cedar-schema.js';
import { GrantsFile } from './policy-bundle.js';
import { PolicyTestFile } from './policy-tests.js';

const jsonSchema = (schema: z.ZodType, title: string): string =>
  `${JSON.stringify({ ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), title }, null, 2)}\n`;

/** What editors check policy and catalog files against: path in the repository to text. Generated; the files in the tree equal it. */
export const editorSchemas = (): Readonly<Record<string, string>> => ({
  'catalog/schema/catalog.schema.json': jsonSchema(CatalogFile, 'Catalog record of a server and its tools'),
  'policies/schema/grants.schema.json': jsonSchema(GrantsFile, 'Grants of low-risk writes'),
  'policies/schema/policy-test.schema.json': jsonSchema(PolicyTestFile, 'Policy tests'),
  'policies/schema/sallyport.cedarschema.txt': cedarSchema(null),
});
