import { describe, expect, test } from 'vitest';
import { claimedFrom } from './claimed-from.js';

const NOTHING = { model: null, prompt: null, intent: null, workflow: null };

describe('what an agent claims of itself', () => {
  test('is nothing when it says nothing', () => expect(claimedFrom({ headers: {} })).toEqual(NOTHING));

  test('is read from the headers, decoded from percent-encoded UTF-8', () =>
    expect(claimedFrom({ headers: { 'sallyport-model': 'm-1', 'sallyport-prompt': 'Gr%C3%BC%C3%9Fe%0Aan%20alle' } })).toEqual({
      ...NOTHING,
      model: 'm-1',
      prompt: 'Grüße\nan alle',
    }));

  test('keeps a header that is no valid encoding as it came', () =>
    expect(claimedFrom({ headers: { 'sallyport-intent': '100% sure' } }).intent).toBe('100% sure'));

  test('prefers the _meta of the request to the headers of the connection', () =>
    expect(claimedFrom({ meta: { 'io.sallyport/model': 'per call' }, headers: { 'sallyport-model': 'per connection' } }).model).toBe(
      'per call',
    ));

  test('is read from the body of a REST call', () =>
    expect(claimedFrom({ body: { intent: 'tidy up' }, headers: {} }).intent).toBe('tidy up'));

  test('is cut to the bound of the record, never within a character', () => {
    const { prompt, model } = claimedFrom({
      meta: { 'io.sallyport/prompt': `${'a'.repeat(4095)}😀`, 'io.sallyport/model': 'm'.repeat(900) },
      headers: {},
    });
    expect(prompt).toBe('a'.repeat(4095));
    expect(model).toHaveLength(256);
  });

  test.each([[42], [''], ['   '], [null], [{}], [['a']]])('takes %j for not said', (value) =>
    expect(claimedFrom({ meta: { 'io.sallyport/workflow': value }, headers: {} })).toEqual(NOTHING),
  );

  test('ignores a header sent more than once', () =>
    expect(claimedFrom({ headers: { 'sallyport-model': ['one', 'two'] } })).toEqual(NOTHING));
});
