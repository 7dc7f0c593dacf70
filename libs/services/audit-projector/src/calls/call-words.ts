/** Stands among the words of every call, so that all of them can be found. No word of a call is made of signs alone, nor begins with one. */
const EVERY = '*';
const ofTenant = (tenantId: string): string => `=${tenantId}`;

const quoted = (word: string): string => (/['\\]/.test(word) ? `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${word}'`);

/** The search (a `tsquery`) that finds every call. */
export const EVERY_ROW = quoted(EVERY);

/** What stands among the words of every call of a tenant. */
export const everyCallsWords = (tenantId: string): readonly string[] => [EVERY, ofTenant(tenantId)];

/** Words as a `tsvector` is written. */
export const wordsLiteral = (words: readonly string[]): string => words.map(quoted).join(' ');

/** The search (a `tsquery`) for calls of a tenant that have all of some words: each whole, or at least by its beginning. */
export const searchFor = (tenantId: string, whole: readonly string[], beginnings: readonly string[]): string =>
  [...[ofTenant(tenantId), ...whole].map(quoted), ...beginnings.map((word) => `${quoted(word)}:*`)].join(' & ');
