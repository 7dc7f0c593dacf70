import { createHash } from 'node:crypto';

const SEPARATOR = '__';
/** Clients refuse longer tool names (the APIs of the large model vendors stop at 64). */
const MAX_NAME_LENGTH = 64;
const DIGEST_LENGTH = 12;

/**
 * The name of a tool on the aggregated list: `server__tool`. Unambiguous, since a server's name has no underscore. Longer than 64 characters
 * it is cut and ends in `_` and 12 digits of a digest of the whole, so that it stays the same as long as server and tool do.
 */
export const aggregatedName = (server: string, tool: string): string => {
  const name = `${server}${SEPARATOR}${tool}`;
  if (name.length <= MAX_NAME_LENGTH) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_LENGTH);
  const kept = name.slice(0, MAX_NAME_LENGTH - DIGEST_LENGTH - 1);
  return `${kept.isWellFormed() ? kept : kept.slice(0, -1)}_${digest}`;
};

/** What a name that was not shortened stands for; `null` for a text of another form. A shortened one resolves through the index only. */
export const splitAggregatedName = (name: string): { readonly server: string; readonly tool: string } | null => {
  const at = name.indexOf(SEPARATOR);
  if (at <= 0 || at + SEPARATOR.length >= name.length) return null;
  return { server: name.slice(0, at), tool: name.slice(at + SEPARATOR.length) };
};

/** The tools by their aggregated names, shortened ones included. Of two with one name (a digest that collides) neither is kept. */
export const indexAggregatedNames = <T extends { readonly server: string; readonly tool: string }>(tools: Iterable<T>): Map<string, T> => {
  const index = new Map<string, T>();
  const ambiguous = new Set<string>();
  for (const entry of tools) {
    const name = aggregatedName(entry.server, entry.tool);
    const known = index.get(name);
    if (known !== undefined && (known.server !== entry.server || known.tool !== entry.tool)) ambiguous.add(name);
    index.set(name, entry);
  }
  for (const name of ambiguous) index.delete(name);
  return index;
};
