import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, errorsOf, HTTP_ROUTES } from '@sallyport/contracts';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const text = readFileSync(fileURLToPath(new URL('../../docs/reference/openapi.yaml', import.meta.url)), 'utf8');
const document = parse(text) as Document;
const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({ name: `${verb.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, operation })),
);

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(parse(text))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  test('points at nothing that is not there, and holds nothing that nothing points at', () => {
    const pointed = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name = '']) => name);
    expect([...new Set(pointed)].sort()).toEqual(Object.keys(document.components.schemas));
  });

  test('describes bodies in JSON Schema 2020-12 that a validator takes', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'https://sallyport.example/openapi', ...document });
    for (const name of Object.keys(document.components.schemas))
      expect(ajv.getSchema(`https://sallyport.example/openapi#/components/schemas/${name}`), name).toBeTypeOf('function');
  });

  test('tells every route of the table once, under a name of its own', () => {
    expect(operations.map(({ name }) => name).toSorted()).toEqual(Object.keys(HTTP_ROUTES).toSorted());
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  test('tells for each route every code it can answer, under its status', () => {
    for (const { name, operation } of operations) {
      const route = HTTP_ROUTES[name as keyof typeof HTTP_ROUTES];
      if (route === undefined) throw new Error(`${name} is not in the table`);
      for (const code of errorsOf(route)) expect(operation.responses[ERRORS[code].http]?.description, `${name} ${code}`).toContain(code);
    }
  });
});
