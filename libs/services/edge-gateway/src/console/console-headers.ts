/** For every answer of the console: nothing guesses its type, learns where it came from, shares its window, or reads it from another page. */
export const CONSOLE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/**
 * What the page may do (Content Security Policy 3): scripts from our own files alone, no `eval`; styles from our own files and, by the nonce of
 * this answer, the few that components make at run time; requests to our own origin; in nobody's frame.
 */
export const contentSecurityPolicy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
