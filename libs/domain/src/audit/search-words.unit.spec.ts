import { anEvent, policyDecided, toolCallCompleted, toolCallRefused, toolCallRequested } from '@sallyport/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wordsOfEvent, wordsOfQuery } from './search-words.js';

/** Whether a query finds a call with these words, as the store does it. */
const finds = (query: string, words: ReadonlySet<string>): boolean =>
  wordsOfQuery(query).every((beginning) => [...words].some((word) => word.startsWith(beginning)));

describe('a call is found by', () => {
  test('its target, whole or in part, its people and agents, and its masked arguments', () => {
    const words = wordsOfEvent(toolCallRequested({ paramsMasked: { path: '/sandbox/Report-2026.txt', nested: [{ n: 4711 }] } }));
    for (const query of [
      'fs/write_file',
      'write',
      'file',
      'fs',
      'ada',
      'user:ada',
      'triage',
      'sandbox report',
      'report-2026.txt',
      '4711',
      'SANDBOX/Rep',
    ])
      expect(finds(query, words), query).toBe(true);
    for (const query of ['ite', 'eve', 'write nothing']) expect(finds(query, words), query).toBe(false);
  });

  test('codes, rule ids and reasons', () => {
    expect(finds('policy.denied', wordsOfEvent(toolCallRefused()))).toBe(true);
    expect(finds('denied no-policy', wordsOfEvent(toolCallRefused()))).toBe(true);
    expect(finds('writers-low', wordsOfEvent(policyDecided()))).toBe(true);
  });

  test('the text of an error, but not by the answer of a call that went well', () => {
    const outputMasked = { content: [{ type: 'text', text: 'ENOENT: no such file' }] };
    expect(finds('enoent', wordsOfEvent(toolCallCompleted({ outcome: 'tool-error', outputMasked })))).toBe(true);
    expect(finds('enoent', wordsOfEvent(toolCallCompleted({ outputMasked })))).toBe(false);
  });

  test('nothing that is sealed', () => {
    const resumed = anEvent('ToolCallResumed', { approvalId: 'a', evaluation: 2, edgeId: 'edge-1', sealedParams: 'secretciphertext' });
    expect([...wordsOfEvent(toolCallRequested()), ...wordsOfEvent(resumed)].filter((word) => /seal|secretcipher/.test(word))).toEqual([]);
  });
});

test('words are bounded in number and length, begin with a letter or a digit, and hold nothing between words', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.string({ unit: 'binary', maxLength: 5_000 }), (json, text) => {
      const words = [...wordsOfEvent(toolCallRequested({ paramsMasked: { json: JSON.parse(json), text } })), ...wordsOfQuery(text)];
      expect(words.length).toBeLessThanOrEqual(168);
      for (const word of words) {
        expect(word.length).toBeLessThanOrEqual(64);
        expect(word).toMatch(/^[\p{L}\p{N}]/u);
        expect(word).not.toMatch(/[\s'"]/u);
      }
    }),
    { numRuns: 30, examples: [['{}', 'a§_0-']] },
  );
});

test('a query has at most eight words', () => {
  expect(wordsOfQuery('a b c d e f g h i j')).toHaveLength(8);
  expect(wordsOfQuery(' … "" ')).toEqual([]);
});
