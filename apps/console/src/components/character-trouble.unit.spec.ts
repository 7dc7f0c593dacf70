import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partsOf } from './character-trouble.js';

const kindsOf = (text: string): readonly string[] => partsOf(text).map(({ kind }) => kind);

test.each([
  ['a zero-width space', 'pay\u200Bment', 'invisible'],
  ['a soft hyphen', 'de\u00ADlete', 'invisible'],
  ['a tag character', 'ok\u{E0041}', 'invisible'],
  ['a byte order mark', '\uFEFFok', 'invisible'],
  ['an override of direction', 'file\u202Etxt.exe', 'direction'],
  ['an isolate', 'a\u2066b', 'direction'],
  ['a bell', 'a\u0007b', 'control'],
  ['a no-break space', 'a\u00A0b', 'space'],
  ['a character for private use', 'a\uE000b', 'private'],
  ['half of a surrogate pair', 'a\uD800b', 'private'],
])('%s is told apart', (_, text, kind) => {
  expect(kindsOf(text)).toContain(kind);
});

test('a word of Latin and Cyrillic letters is told with both scripts, and its neighbours are not', () => {
  expect(partsOf('call p\u0430ypal now')).toEqual([
    { kind: 'plain', text: 'call ' },
    { kind: 'mixed-script', text: 'p\u0430ypal', scripts: ['Latin', 'Cyrillic'] },
    { kind: 'plain', text: ' now' },
  ]);
});

test('a name with a part that is wholly of another script is told, though each part is of one', () => {
  expect(partsOf('fs/\u0441\u043E\u0440\u0443_file')).toEqual([
    { kind: 'mixed-script', text: 'fs/\u0441\u043E\u0440\u0443_file', scripts: ['Latin', 'Cyrillic'] },
  ]);
});

test.each(['Zürich', '東京タワー', 'привет, world', 'naïve café', 'line one\nline two\tend', '👩‍💻 ❤️ 🇩🇪', 'tool_name-2/v1.2', 'Ελλάδα'])(
  'ordinary text is left as it is: %s',
  (text) => {
    expect(kindsOf(text)).toEqual(['plain']);
  },
);

test('nothing is lost or added, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(
        partsOf(text)
          .map((part) => part.text)
          .join(''),
      ).toBe(text);
    }),
  );
});

test('no part that is shown as it is holds a character that is not seen or turns the direction', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '\u200B', '\u202E', '\u200D', '\uFE0F', 'ж', ' ', '👩', '💻')), (characters) => {
      for (const part of partsOf(characters.join('')))
        if (part.kind === 'plain' && !/\p{RGI_Emoji}/v.test(part.text)) expect(part.text).not.toMatch(/[\u200B\u202E\u200D]/);
    }),
  );
});
