import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const pagesBelow = (folder: string): string[] =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`);
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'].filter((path) => existsSync(`${ROOT}${path}`)),
  ...pagesBelow('docs'),
  ...pagesBelow('integrations'),
  ...pagesBelow('infra'),
];
const withoutCode = (page: string) => page.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '');
const headingsOf = (page: string) =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );

describe('the documentation', () => {
  test.each(pages)('points from %s at nothing that is not there', (path) => {
    const broken = [...withoutCode(readFileSync(`${ROOT}${path}`, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file = '', heading] = target.split('#');
        const at = file === '' ? `${ROOT}${path}` : join(ROOT, dirname(path), file);
        if (!existsSync(at)) return true;
        return heading !== undefined && statSync(at).isFile() && !headingsOf(readFileSync(at, 'utf8')).includes(heading);
      });
    expect(broken).toEqual([]);
  });

  test('lists every decision in order, and every decision has its status and its three parts', () => {
    const records = readdirSync(`${ROOT}docs/adr`)
      .filter((name) => /^\d{4}-/.test(name))
      .sort();
    const index = [...readFileSync(`${ROOT}docs/adr/README.md`, 'utf8').matchAll(/\]\((\d{4}-[^)]+)\)/g)].map(([, name]) => name);
    expect(index).toEqual(records);
    expect(records.map((name) => Number(name.slice(0, 4)))).toEqual(records.map((_, n) => n + 1));
    for (const name of records) {
      const page = readFileSync(`${ROOT}docs/adr/${name}`, 'utf8');
      expect(page).toMatch(/^# \d{4}\. .+\n\nStatus: (proposed|accepted|superseded by \[)/);
      expect([...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual(['Context', 'Decision', 'Consequences']);
    }
  });

  test('lists every page on how to do something, and every client to connect', () => {
    for (const folder of ['docs/how-to', 'docs/connect']) {
      const index = readFileSync(`${ROOT}${folder}/README.md`, 'utf8');
      const unlisted = readdirSync(`${ROOT}${folder}`).filter((name) => name !== 'README.md' && !index.includes(`(${name})`));
      expect(unlisted).toEqual([]);
    }
  });
});
