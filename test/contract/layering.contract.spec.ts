// Derives the import directions from the sources themselves. .dependency-cruiser.cjs says the same; a disabled lint cannot hide a breach here.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Room {
  readonly folder: string;
  /** Packages of ours that it may import. */
  readonly may: readonly string[];
}

const SERVICE = ['log', 'platform', 'domain', 'contracts'];
const SERVICES = ['edge-gateway', 'policy-decision', 'budget-accountant', 'approval', 'audit-projector'];
const ROOMS: readonly Room[] = [
  { folder: 'libs/contracts', may: [] },
  { folder: 'libs/domain', may: ['contracts'] },
  { folder: 'libs/platform', may: ['domain', 'contracts'] },
  { folder: 'libs/log', may: ['platform', 'contracts'] },
  { folder: 'libs/mcp', may: ['platform', 'domain', 'contracts'] },
  { folder: 'libs/authorization-server', may: ['platform', 'contracts'] },
  { folder: 'libs/services/edge-gateway', may: ['mcp', ...SERVICE] },
  { folder: 'libs/services/policy-decision', may: SERVICE },
  { folder: 'libs/services/budget-accountant', may: SERVICE },
  { folder: 'libs/services/approval', may: SERVICE },
  { folder: 'libs/services/audit-projector', may: SERVICE },
  ...SERVICES.map((service) => ({ folder: `apps/${service}`, may: [service, 'log', 'platform'] })),
  { folder: 'apps/cli', may: [...SERVICES, 'authorization-server', 'mcp', ...SERVICE] },
  { folder: 'apps/console', may: ['contracts'] },
  { folder: 'libs/testing', may: [...SERVICES, 'mcp', ...SERVICE] },
];

const filesBelow = (folder: string): string[] => {
  try {
    return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .filter((path) => /\.(ts|tsx|mts|mjs|js)$/.test(path) && !/(^|\/)(dist|node_modules|generated)\//.test(path));
  } catch {
    return [];
  }
};

const isTest = (path: string) => /\.(spec|contract|harness)\.ts$/.test(path);

/** Comments name modules too; strings with `//` inside imports do not occur. */
const withoutComments = (source: string) => source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1');

const importsOf = (path: string): string[] =>
  [
    ...withoutComments(readFileSync(`${ROOT}${path}`, 'utf8')).matchAll(
      /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|[\s;])import\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"`]([^'"`]+)['"`]/g,
    ),
  ].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');

const sources = [
  ...filesBelow('apps'),
  ...filesBelow('libs'),
  ...filesBelow('test'),
  ...filesBelow('tools'),
  ...filesBelow('integrations'),
].map((path) => ({
  path,
  imports: importsOf(path),
}));

/** Every import that `isBreach` names, as `file: import`. */
const breaches = (isBreach: (path: string, imported: string) => boolean) =>
  sources.flatMap(({ path, imports }) => imports.filter((imported) => isBreach(path, imported)).map((imported) => `${path}: ${imported}`));

const roomOf = (path: string) => ROOMS.find(({ folder }) => path.startsWith(`${folder}/`));
const packageOf = (imported: string) =>
  (imported.startsWith('@') ? imported.split('/').slice(0, 2).join('/') : imported.split('/')[0]) ?? imported;
const isOutside = (imported: string) => !imported.startsWith('.') && !imported.startsWith('@sallyport/') && !imported.startsWith('node:');

describe('the sources keep the layout', () => {
  test('are all seen: every room has sources, every folder of code belongs to a room', () => {
    expect(sources.length).toBeGreaterThan(50);
    const homeless = sources.filter(({ path }) => /^(apps|libs)\//.test(path) && roomOf(path) === undefined);
    expect(homeless.map(({ path }) => path)).toEqual([]);
  });

  test.each(ROOMS)('$folder imports only the rooms below it', ({ folder, may }) => {
    const allowed = new Set([...may, folder.split('/').at(-1)].map((name) => `@sallyport/${name}`));
    expect(
      breaches((path, imported) => {
        if (!path.startsWith(`${folder}/`) || !imported.startsWith('@sallyport/')) return false;
        return !(allowed.has(packageOf(imported)) || (isTest(path) && packageOf(imported) === '@sallyport/testing'));
      }),
    ).toEqual([]);
  });

  test('reach another room by its package alone, never by a path and never behind its index', () => {
    const leaves = (path: string, imported: string) => {
      if (imported.startsWith('@sallyport/')) return imported.split('/').length > 2;
      const room = roomOf(path);
      if (room === undefined || !imported.startsWith('.')) return false;
      return !new URL(imported, `file:///${path}`).pathname.startsWith(`/${room.folder}/`);
    };
    expect(breaches(leaves)).toEqual([]);
  });

  test('keep the domain free of Node, of packages and of what differs from run to run', () => {
    const inDomain = (path: string) => path.startsWith('libs/domain/') && !isTest(path);
    expect(breaches((path, imported) => inDomain(path) && (imported.startsWith('node:') || isOutside(imported)))).toEqual([]);
    const unpure =
      /\bnew Date\b|\bDate\.(now|parse|UTC)|\bMath\.random|\bprocess\.|\bperformance\.|\bcrypto\.|\bfetch\(|\bset(Timeout|Interval|Immediate)\(|\bconsole\./;
    const found = sources.filter(({ path }) => inDomain(path) && unpure.test(withoutComments(readFileSync(`${ROOT}${path}`, 'utf8'))));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  test('let the contracts depend on zod alone', () =>
    expect(
      breaches(
        (path, imported) =>
          path.startsWith('libs/contracts/') && !isTest(path) && !imported.startsWith('.') && packageOf(imported) !== 'zod',
      ),
    ).toEqual([]));

  test('know the Kafka client in one folder only', () =>
    expect(
      breaches(
        (path, imported) =>
          packageOf(imported) === 'kafkajs' &&
          !path.startsWith('libs/log/src/kafka/') &&
          !path.startsWith('libs/testing/') &&
          !path.startsWith('test/') &&
          !isTest(path),
      ),
    ).toEqual([]));

  test('ship no harness', () =>
    expect(
      breaches(
        (path, imported) =>
          packageOf(imported) === '@sallyport/testing' && !isTest(path) && !path.startsWith('libs/testing/') && !path.startsWith('test/'),
      ),
    ).toEqual([]));

  test('keep the tools that run before an install free of packages', () =>
    expect(
      breaches(
        (path, imported) =>
          (path === 'tools/run.mjs' || path.startsWith('tools/run/')) && !imported.startsWith('node:') && !imported.startsWith('.'),
      ),
    ).toEqual([]));
});
