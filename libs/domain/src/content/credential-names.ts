/** How sure a name makes us that its value is a credential: `certain` for passwords and named keys, `likely` for a bare `token`. */
export type CredentialCertainty = 'certain' | 'likely';

const NOT_LETTERS_OR_DIGITS = /[^a-z0-9]/g;

// Tokens of paging and progress are positions, not credentials.
const CURSOR_TOKEN = /(?:page|progress|continuation|next|max|sync)[_-]token$/i;

const ENDINGS = [
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'secret',
  'apikey',
  'apisecret',
  'secretkey',
  'secretaccesskey',
  'privatekey',
  'accountkey',
  'sharedaccesskey',
  'signingkey',
  'encryptionkey',
  'masterkey',
  'accesstoken',
  'refreshtoken',
  'authtoken',
  'apitoken',
  'bearertoken',
  'sessiontoken',
  'securitytoken',
  'idtoken',
  'bottoken',
  'authorization',
];
const EXACT: Readonly<Partial<Record<string, CredentialCertainty>>> = {
  pass: 'certain',
  passcode: 'certain',
  cookie: 'certain',
  setcookie: 'certain',
  token: 'likely',
  auth: 'likely',
};

const certaintyOf = (name: string): CredentialCertainty | null => {
  const plain = name.toLowerCase().replace(NOT_LETTERS_OR_DIGITS, '');
  if (Object.hasOwn(EXACT, plain)) return EXACT[plain] ?? null;
  if (ENDINGS.some((ending) => plain.endsWith(ending))) return 'certain';
  return /[_-]token$/i.test(name) && !CURSOR_TOKEN.test(name) ? 'likely' : null;
};

// The same few keys come with every call; the bound keeps hostile keys from filling memory.
const KNOWN_NAMES_MAX = 2048;
const NAME_CHARS_MAX = 64;
const known = new Map<string, CredentialCertainty | null>();

/** How sure a key, a variable or a header makes us that its value is a credential; `null` for other names, `progressToken` among them. */
export const credentialCertainty = (name: string): CredentialCertainty | null => {
  if (name.length > NAME_CHARS_MAX || name.startsWith('[')) return null;
  const before = known.get(name);
  if (before !== undefined) return before;
  const certainty = certaintyOf(name);
  if (known.size >= KNOWN_NAMES_MAX) known.clear();
  known.set(name, certainty);
  return certainty;
};

const STAND_IN =
  /^(?:null|none|nil|true|false|undefined|empty|redacted|hidden|masked|required|optional|string|changeme|\*+|x{3,}|\.{3,}|-+|<[^>]*>?|\$\{[^}]*\}?|\{\{[^}]*(?:\}\})?|\$[A-Z_][A-Z0-9_]*|%[A-Z_]+%)$/i;

/** Whether a value stands for a credential that is elsewhere or absent: `null`, `***`, `<password>`, `${PASSWORD}`. */
export const isStandIn = (value: string): boolean => STAND_IN.test(value);

/** Whether a text looks drawn at random: sixteen characters or more without spaces, letters and digits among them. */
export const looksRandom = (value: string): boolean =>
  value.length >= 16 && !/\s/.test(value) && /[0-9]/.test(value) && /[A-Za-z]/.test(value);
