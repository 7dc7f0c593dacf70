// SECURITY.md promises; this holds it to tests that exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
const page = read('SECURITY.md');

interface NamedTest {
  readonly title: string;
  readonly path: string;
}
/** Links to tests: the text is the title as the source has it, the target its file. */
const testsIn = (text: string): readonly NamedTest[] =>
  [...text.matchAll(/\[((?:[^\]\\]|\\.)+)\]\(([^)\s]+\.(?:spec|stories|contract|harness)\.(?:ts|mjs))\)/g)].map(
    ([, title = '', path = '']) => ({ title, path }),
  );
const named = testsIn(page);

/** What stands first among the arguments of a call, as a literal: titles of tests and of what groups them. */
const titlesOf = (path: string): ReadonlySet<string> =>
  new Set(
    [...read(path).matchAll(/\(\s*(?:'((?:[^'\\\n]|\\.)+)'|"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`)\s*[,)]/g)].map(
      ([, single, double, template]) => (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1'),
    ),
  );

const section = (heading: string): string => page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
/** The rows of the tables of a section, without heads. */
const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => /^\| (\*\*)?[A-Z0-9]/.test(line) && !/^\| (#|Id) \|/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '')));

describe('SECURITY.md', () => {
  test('names tests enough to be worth checking', () => expect(named.length).toBeGreaterThan(100));

  test.each([...new Set(named.map(({ path }) => path))])('names only tests that are in %s', (path) => {
    expect(existsSync(`${ROOT}${path}`)).toBe(true);
    const titles = titlesOf(path);
    expect(named.filter((one) => one.path === path && !titles.has(one.title)).map(({ title }) => title)).toEqual([]);
  });

  test('names stories and suites that a spec runs', () => {
    const specs = ['libs', 'apps', 'test']
      .flatMap((folder) => readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`))
      .filter((path) => /\.spec\.ts$/.test(path) && !/node_modules|\/dist\//.test(path));
    const text = specs.map(read).join('\n');
    const stories = named.map(({ path }) => path).filter((path) => !/\.spec\.(ts|mjs)$/.test(path));
    const imports = (path: string): RegExp => new RegExp(`/${basename(path, '.ts').replaceAll('.', '\\.')}\\.[jt]s'`);
    expect([...new Set(stories)].filter((path) => !imports(path).test(text))).toEqual([]);
  });

  test('numbers its attacks from 1 without a gap, and names a test for each', () => {
    const attacks = rowsOf(section('Attacks'));
    expect(attacks.length).toBeGreaterThan(50);
    expect(attacks.map(([number]) => Number(number))).toEqual(attacks.map((_, at) => at + 1));
    expect(attacks.filter((row) => testsIn(row.at(-1) ?? '').length === 0).map(([number]) => number)).toEqual([]);
  });

  test.each([
    ['OWASP MCP Top 10', Array.from({ length: 10 }, (_, at) => `MCP${String(at + 1).padStart(2, '0')}`)],
    ['OWASP Top 10 for agentic applications', Array.from({ length: 10 }, (_, at) => `ASI${String(at + 1).padStart(2, '0')}`)],
  ])('maps every entry of the %s to attacks that are there', (heading, ids) => {
    const rows = rowsOf(section(heading));
    expect(rows.map(([id = '']) => id.slice(0, 5))).toEqual(ids);
    const count = rowsOf(section('Attacks')).length;
    for (const [id, , attacks = ''] of rows) {
      const numbers = [...attacks.matchAll(/\d+/g)].map(Number);
      expect(numbers.length, id).toBeGreaterThan(0);
      expect(
        numbers.filter((number) => number < 1 || number > count),
        id,
      ).toEqual([]);
    }
  });
});
