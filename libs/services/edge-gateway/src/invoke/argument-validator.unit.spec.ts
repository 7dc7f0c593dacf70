import type { JsonObject } from '@sallyport/mcp';
import { expect, test } from 'vitest';
import { ArgumentValidator } from './argument-validator.js';

let digests = 0;
const check = (schema: JsonObject, args: JsonObject) => new ArgumentValidator().check(`sha256:${digests++}`, schema, args);

test('accepts what fits and names the rule of the schema that does not, never a value', () => {
  const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
  expect(check(schema, { a: 1 })).toBeNull();
  expect(check(schema, { a: 'secret-value' })).toEqual({ reason: 'arguments.invalid', where: ['#/properties/a/type'] });
  expect(check(schema, { a: 1, b: 2 })?.where).toEqual(['#/additionalProperties']);
});

test('reads draft-07 where the schema says so, and 2020-12 otherwise', () => {
  const tuple = { items: [{ type: 'string' }, { type: 'number' }], type: 'array' };
  const draft07 = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', properties: { pair: tuple } };
  expect(check(draft07, { pair: ['a', 1] })).toBeNull();
  expect(check(draft07, { pair: [1, 'a'] })).not.toBeNull();
  const modern = { type: 'object', properties: { pair: { type: 'array', prefixItems: [{ type: 'string' }] } } };
  expect(check(modern, { pair: [1] })).not.toBeNull();
});

test('follows no reference out of the schema', () => {
  expect(check({ $ref: 'https://evil.example/schema.json' }, {})).toMatchObject({ reason: 'schema.unsupported' });
  expect(check({ $ref: '#/$defs/a', $defs: { a: { type: 'object' } } }, {})).toBeNull();
});

test('is not slowed down by a pattern that backtracks', () => {
  const schema = { type: 'object', properties: { text: { type: 'string', pattern: '^(a+)+$' } } };
  const started = performance.now();
  expect(check(schema, { text: `${'a'.repeat(40)}!` })).not.toBeNull();
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('accepts nothing by a pattern it cannot run in linear time', () => {
  expect(check({ type: 'object', properties: { a: { type: 'string', pattern: '(?=x)y' } } }, {})).toMatchObject({
    reason: 'schema.unsupported',
  });
});

test('is not slowed down by unique items', () => {
  const items = Array.from({ length: 30_000 }, (_, index) => ({ index }));
  const schema = { type: 'object', properties: { items: { type: 'array', uniqueItems: true } } };
  const started = performance.now();
  expect(check(schema, { items })).toBeNull();
  expect(check(schema, { items: [...items, { index: 1 }] })).not.toBeNull();
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('bounds schemas in size and depth, and arguments under recursive ones', () => {
  let deep: JsonObject = { type: 'object' };
  for (let level = 0; level < 40; level++) deep = { type: 'object', properties: { deep } };
  expect(check(deep, {})).toMatchObject({ reason: 'schema.unsupported' });
  const recursive = { type: 'object', properties: { child: { anyOf: [{ $ref: '#' }, { $ref: '#' }] } } };
  let args: JsonObject = {};
  for (let level = 0; level < 30; level++) args = { child: args };
  expect(check(recursive, args)).toMatchObject({ reason: 'schema.recursion' });
});
