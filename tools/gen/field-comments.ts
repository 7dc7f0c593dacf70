import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CONTRACTS = fileURLToPath(new URL('../../libs/contracts/src/', import.meta.url));
const COMMENTED_FIELD = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*\n\s*(\w+):/g;

/** The comments over fields of a source, by the name of the field; of two with one name, the last. */
export const commentsIn = (source: string): ReadonlyMap<string, string> =>
  new Map(
    [...source.matchAll(COMMENTED_FIELD)].flatMap(([, comment, name]) =>
      comment && name
        ? [
            [
              name,
              comment
                .replaceAll(/\n\s*\*/g, ' ')
                .replaceAll(/\s+/g, ' ')
                .trim(),
            ],
          ]
        : [],
    ),
  );

/** `PolicyDecided`, 1 → `policy-decided.v1.ts`. */
const fileNameOf = (type: string, version: number) =>
  `${type.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}.v${version}.ts`;

const eventFiles = (): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(`${CONTRACTS}events`, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path.split(/[\\/]/).at(-1) ?? path, `${CONTRACTS}events/${path}`]),
  );

const FILES = eventFiles();
const SHARED = commentsIn(readFileSync(`${CONTRACTS}values.ts`, 'utf8').split('export const RequestFacts')[1] ?? '');

/** The comments over the fields of an event version, where the schema is written: the reference repeats them instead of having its own. */
export const fieldCommentsOf = (type: string, version: number): ReadonlyMap<string, string> => {
  const file = FILES.get(fileNameOf(type, version));
  if (file === undefined) throw new Error(`${type}.v${version} is not in ${fileNameOf(type, version)}`);
  const source = readFileSync(file, 'utf8');
  return new Map([...(source.includes('RequestFacts.extend') ? SHARED : []), ...commentsIn(source)]);
};
