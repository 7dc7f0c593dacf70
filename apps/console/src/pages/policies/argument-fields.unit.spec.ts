import { expect, test } from 'vitest';
import { fieldsOf, objectIn, withArgument } from './argument-fields.js';

test('a pinned schema becomes fields, and what a form cannot ask for is asked for as JSON', () =>
  expect(
    fieldsOf({
      name: 'move',
      inputSchema: {
        type: 'object',
        required: ['source'],
        properties: {
          source: { type: 'string', description: '<script>alert(1)</script>' },
          copies: { type: 'integer' },
          force: { type: 'boolean' },
          mode: { enum: ['copy', 'move'] },
          filter: { type: ['object', 'null'] },
          odd: 'not a schema',
        },
      },
    }),
  ).toEqual([
    { name: 'source', kind: 'text', isRequired: true, description: '<script>alert(1)</script>', choices: [] },
    { name: 'copies', kind: 'number', isRequired: false, description: null, choices: [] },
    { name: 'force', kind: 'boolean', isRequired: false, description: null, choices: [] },
    { name: 'mode', kind: 'choice', isRequired: false, description: null, choices: ['copy', 'move'] },
    { name: 'filter', kind: 'json', isRequired: false, description: null, choices: [] },
    { name: 'odd', kind: 'json', isRequired: false, description: null, choices: [] },
  ]));

test.each([[null], ['x'], [{ inputSchema: { type: 'string' } }], [{ name: 'x' }]])(
  'a definition without a form is told as none: %j',
  (definition) => expect(fieldsOf(definition)).toBeNull(),
);

test('only a JSON object is a set of arguments', () => {
  expect(objectIn('{"a":1}')).toEqual({ a: 1 });
  for (const text of ['', '[]', 'null', '"x"', '{']) expect(objectIn(text)).toBeNull();
});

test('an argument that is emptied is left out, not sent as nothing', () => {
  expect(withArgument({ a: 1, b: 2 }, 'a', undefined)).toEqual({ b: 2 });
  expect(withArgument({ a: 1 }, 'b', '')).toEqual({ a: 1, b: '' });
});
