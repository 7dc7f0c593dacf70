import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { EVENT_DEFINITIONS, TOPICS } from '@sallyport/contracts';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Message {
  readonly name: string;
  readonly payload: object;
}
interface Document {
  readonly channels: Readonly<
    Record<string, { readonly address: string; readonly messages: Readonly<Record<string, { readonly $ref: string }>> }>
  >;
  readonly operations: Readonly<Record<string, { readonly action: string; readonly channel: { readonly $ref: string } }>>;
  readonly components: { readonly messages: Readonly<Record<string, Message>>; readonly schemas: { readonly RecordHeaders: object } };
}

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const document = parse(readFileSync(at('libs/contracts/generated/asyncapi.yaml'), 'utf8')) as Document;
const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.1.0.json') as object;
// Formats are checked by our own schemas. The specification brings the draft 7 meta-schema itself, and two of a name would clash.
const ajv = () => new Ajv({ strict: false, validateFormats: false, allErrors: true, meta: false, validateSchema: false });

describe('the AsyncAPI document', () => {
  test('is valid AsyncAPI 3.1', () => {
    const validate = ajv().compile(specification);
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
  });

  test('has a channel for every topic and a message for every event version', () => {
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual(Object.keys(TOPICS));
    expect(Object.keys(document.components.messages)).toEqual([
      ...EVENT_DEFINITIONS.map(({ type, version }) => `${type}.v${version}`),
      'DeadLetter',
    ]);
  });

  test('points at nothing that is not there', () => {
    const lookUp = (reference: string) =>
      reference
        .slice(2)
        .split('/')
        .reduce<unknown>((node, key) => (node as Readonly<Record<string, unknown>> | undefined)?.[key], document);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, reference = '']) => reference);
    expect(references.filter((reference) => lookUp(reference) === undefined)).toEqual([]);
  });

  const FIXTURES = at('test/contract/fixtures/');
  const fixtures = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));

  test.each(fixtures)('describes %s: its headers and its data fit', (path) => {
    const [, type, version] = path.replaceAll('\\', '/').split('/');
    const { headers, data } = JSON.parse(readFileSync(`${FIXTURES}${path}`, 'utf8')) as { headers: unknown; data: unknown };
    const message = document.components.messages[`${type}.${version}`];
    if (message === undefined) throw new Error(`no message for ${path}`);
    const validate = ajv();
    expect(validate.validate(document.components.schemas.RecordHeaders, headers), validate.errorsText()).toBe(true);
    expect(validate.validate(message.payload, data), validate.errorsText()).toBe(true);
  });
});
