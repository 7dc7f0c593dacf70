import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorDefinition } from '@sallyport/contracts';
import { describe, expect, test } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../docs/errors/', import.meta.url));
const codes = Object.keys(ERRORS);
const pages = readdirSync(FOLDER).filter((name) => name !== 'README.md');

describe('the error registry and its pages', () => {
  test('have a page for every code', () => expect(codes.filter((code) => !pages.includes(`${code}.md`))).toEqual([]));

  test('have a code for every page', () => expect(pages.filter((page) => !codes.includes(page.replace(/\.md$/, '')))).toEqual([]));

  test.each(Object.entries<ErrorDefinition>(ERRORS))(
    'say on the page of %s what happened, what moved and what to do, and its facts',
    (code, definition) => {
      const page = readFileSync(`${FOLDER}${code}.md`, 'utf8');
      const [title, , facts] = page.split('\n');
      expect(title).toBe(`# ${code}`);
      expect(facts).toBe(`HTTP ${definition.http}, JSON-RPC ${definition.rpc}. ${definition.retryable ? 'Retryable' : 'Not retryable'}.`);
      const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
      const short = ['What happened', 'Whether anything moved', 'What to do'];
      const long = ['What happened', 'Whether anything moved', 'What the agent should do', 'What the operator should do', 'How to go on'];
      expect([short, long]).toContainEqual(headings);
    },
  );

  test('are sorted by area, so that a new code has one place', () => {
    const areas = codes.map((code) => code.split('.')[0] ?? code);
    expect(areas).toEqual([...areas].sort());
  });

  test.each(Object.entries<ErrorDefinition>(ERRORS))(
    'keeps %s out of the JSON-RPC range that is reserved, unless the protocol gave the code',
    (_code, { rpc }) => {
      const givenByTheProtocol = [-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022];
      expect(rpc < -32768 || rpc > -32000 || givenByTheProtocol.includes(rpc)).toBe(true);
    },
  );

  test.each(Object.entries<ErrorDefinition>(ERRORS))(
    'never calls a refusal of %s retryable without an HTTP status that clients retry',
    (_code, { retryable, http }) => {
      if (retryable) expect([408, 409, 429, 499, 500, 503, 504]).toContain(http);
    },
  );

  test('never carry text that tells a stranger about the inside', () => {
    for (const { summary } of Object.values<ErrorDefinition>(ERRORS))
      expect(summary).not.toMatch(/https?:|\/(home|var|usr|tmp)\/|stack trace/i);
  });
});
