import { HTTP_HEADERS, META_KEYS } from './headers.js';
import { Claimed } from './values.js';

type Named = 'model' | 'prompt' | 'intent' | 'workflow';
const NAMED: readonly Named[] = ['model', 'prompt', 'intent', 'workflow'];

const boundOf = (name: Named): number => Claimed.shape[name].unwrap().maxLength ?? 256;

/** Cuts to the bound of the record without splitting a character in two. */
const bounded = (text: string, name: Named): string => text.slice(0, boundOf(name)).replace(/[\uD800-\uDBFF]$/, '');

/** Header values carry ASCII only: other characters come percent-encoded as UTF-8 (RFC 3986). What is not valid encoding is taken as it is. */
const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
};

/**
 * What an agent says of itself, from the `_meta` of an MCP request or the body of a REST one, else from HTTP headers (names in lower case, as Node
 * gives them). Bounded to what a record holds; anything but a non-empty string counts as not said. It is a claim: never decide by it.
 */
export const claimedFrom = (said: {
  readonly meta?: Readonly<Record<string, unknown>> | null;
  readonly body?: Readonly<Partial<Record<Named, unknown>>> | null;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}): Pick<Claimed, Named> => {
  const one = (name: Named): string | null => {
    const header = said.headers[HTTP_HEADERS[name].toLowerCase()];
    const candidates = [said.meta?.[META_KEYS[name]], said.body?.[name], typeof header === 'string' ? decoded(header) : undefined];
    const found = candidates.find((candidate): candidate is string => typeof candidate === 'string' && candidate.trim() !== '');
    return found === undefined ? null : bounded(found, name);
  };
  const claimed = { model: null, prompt: null, intent: null, workflow: null } as Pick<Claimed, Named>;
  for (const name of NAMED) claimed[name] = one(name);
  return claimed;
};
