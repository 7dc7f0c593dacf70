import {
  bytes,
  checkedIban,
  codiceFiscale,
  cpf,
  dniLetter,
  luhn,
  nirKey,
  peselDigit,
  type Random,
  steuerId,
  verhoeffDigit,
} from './content-values.js';

/** A value alone, or a value with the name it needs beside it to be recognised. */
export type Draft = string | { readonly value: string; readonly named: string };

const DIGITS = '0123456789';
const HEX = '0123456789abcdef';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();
const ALPHANUMERIC = UPPER + LOWER + DIGITS;
const BASE64 = `${ALPHANUMERIC}+/`;
const BASE64URL = `${ALPHANUMERIC}-_`;

/** A key of `length` characters that is sure to hold an upper-case letter, a lower-case letter and a digit. */
const keyText = (r: Random, alphabet: string, length: number): string => `Q7z${r.text(alphabet, length - 3)}`;

const grouped = (digits: string, lengths: readonly number[], separators: readonly string[]): string => {
  let rest = digits;
  let text = '';
  for (const [i, length] of lengths.entries()) {
    text += (i === 0 ? '' : (separators[i - 1] ?? separators[0] ?? '')) + rest.slice(0, length);
    rest = rest.slice(length);
  }
  return text;
};

const date = (r: Random): { year: number; month: number; day: number } => ({
  year: r.int(1930, 2023),
  month: r.int(1, 12),
  day: r.int(1, 28),
});
const two = (n: number): string => String(n).padStart(2, '0');

const email = (r: Random): string => {
  const local = r.pick([
    () => r.text(LOWER, r.int(1, 12)),
    () => `${r.text(LOWER, r.int(2, 9))}.${r.text(LOWER, r.int(2, 9))}`,
    () => `${r.text(ALPHANUMERIC, r.int(2, 20))}+${r.text(LOWER, 5)}`,
    () => `${r.text(LOWER, 3)}_${r.text(DIGITS, 4)}-${r.text(LOWER, 3)}`,
    () => `o'${r.text(LOWER, 6)}`,
    () => `${r.text(LOWER, 2)}ö${r.text(LOWER, 3)}`,
  ])();
  const host = r.pick([
    () => `${r.text(LOWER, r.int(1, 12))}.${r.pick(['com', 'org', 'de', 'io', 'photography', 'xn--p1ai', 'technology'])}`,
    () => `mail-${r.int(1, 9)}.${r.text(LOWER, 6)}.co.${r.pick(['uk', 'jp', 'in'])}`,
    () => `b${r.text(LOWER, 2)}ü${r.text(LOWER, 3)}.de`,
    () => `${r.text(LOWER, 4)}.${r.text(LOWER, 4)}.${r.text(LOWER, 4)}.net`.toUpperCase(),
  ])();
  return `${local}@${host}`;
};

const card = (r: Random): string => {
  const [prefix, length] = r.pick<readonly [string, number]>([
    ['4', 16],
    ['4', 13],
    ['4', 19],
    [`5${r.int(1, 5)}`, 16],
    [String(r.int(2221, 2720)), 16],
    [r.pick(['34', '37']), 15],
    [r.pick(['300', '305', '36', '38']), 14],
    [r.pick(['6011', '65', '644']), 16],
    [String(r.int(3528, 3589)), 16],
    ['62', r.int(16, 19)],
    [String(r.int(2200, 2204)), 16],
    [r.pick(['6304', '6759', '5018']), r.int(13, 19)],
  ]);
  const digits = luhn(prefix + r.text(DIGITS, length - prefix.length - 1));
  const separator = r.pick([' ', '-', '', '', '.']);
  if (separator === '') return digits;
  if (length === 15) return grouped(digits, [4, 6, 5], [separator]);
  if (length === 14) return grouped(digits, [4, 6, 4], [separator]);
  return length === 13 || length >= 16 ? grouped(digits, [4, 4, 4, 4, 4].slice(0, Math.ceil(length / 4)), [separator]) : digits;
};

const iban = (r: Random): string => {
  const compact = checkedIban(r);
  const shape = r.pick(['compact', 'spaced', 'dashed', 'lower']);
  if (shape === 'spaced') return compact.replace(/(.{4})(?=.)/g, '$1 ');
  if (shape === 'dashed') return compact.replace(/(.{4})(?=.)/g, '$1-');
  return shape === 'lower' && /[G-Z]/.test(compact.slice(4)) ? compact.toLowerCase() : compact;
};

const internationalPhone = (r: Random): string => {
  const digits = (length: number) => r.text('23456789', 1) + r.text(DIGITS, length - 1);
  return r.pick([
    () => `+1 (${digits(3)}) ${digits(3)}-${digits(4)}`,
    () => `+1${digits(10)}`,
    () => `+44 ${digits(2)} ${digits(4)} ${digits(4)}`,
    () => `+44 (0)${digits(2)} ${digits(4)} ${digits(4)}`,
    () => `+49 ${digits(3)} ${digits(7)}`,
    () => `+49 (${digits(3)}) ${digits(3)}-${digits(4)}`,
    () => `+49${digits(10)}`,
    () => `+33 ${digits(1)} ${digits(2)} ${digits(2)} ${digits(2)} ${digits(2)}`,
    () => `+91-${digits(5)}-${digits(5)}`,
    () => `+86 ${digits(3)} ${digits(4)} ${digits(4)}`,
    () => `+351.${digits(3)}.${digits(3)}.${digits(3)}`,
    () => `0049 ${digits(2)} ${digits(8)}`,
    () => `(+34) ${digits(3)} ${digits(3)} ${digits(3)}`,
  ])();
};

const nationalPhone = (r: Random): string => {
  const digits = (length: number) => r.text('23456789', 1) + r.text(DIGITS, length - 1);
  return r.pick([
    () => `(${digits(3)}) ${digits(3)}-${digits(4)}`,
    () => `(${digits(3)})${digits(3)}-${digits(4)}`,
    () => `${digits(3)}-${digits(3)}-${digits(4)}`,
    () => `${digits(3)}.${digits(3)}.${digits(4)}`,
    () => `${digits(3)} ${digits(3)} ${digits(4)}`,
    () => `1-${digits(3)}-${digits(3)}-${digits(4)}`,
    () => `0${digits(2)} ${digits(4)} ${digits(4)}`,
    () => `0${digits(4)} ${digits(6)}`,
    () => `0${digits(3)}/${digits(7)}`,
    () => `0${digits(3)}-${digits(7)}`,
    () => `(0${digits(2)}) ${digits(7)}`,
    () => ['06', ...Array.from({ length: 4 }, () => r.text(DIGITS, 2))].join(r.pick([' ', '-'])),
    () => `0${digits(3)} ${digits(3)} ${digits(3)}`,
    () => `(${digits(2)}) 9${digits(4)}-${digits(4)}`,
  ])();
};

const named = (r: Random, value: string, names: readonly string[]): Draft => {
  const name = r.pick(names);
  return {
    value,
    named: r.pick([`${name}: ${value}`, `${name} ${value}`, `${name}=${value}`, `"${name}":"${value}"`, `${name} no. ${value}`]),
  };
};

const personnummer = (r: Random): Draft => {
  const { year, month, day } = date(r);
  const ten = luhn(two(year % 100) + two(month) + two(r.pick([day, day + 60])) + r.text(DIGITS, 3));
  const century = r.pick(['', String(Math.floor(year / 100))]);
  if (r.int(0, 2) > 0) return century + grouped(ten, [6, 4], [r.pick(['-', '-', '+'])]);
  return named(r, century + ten, ['personnummer', 'Personnummer']);
};

const nir = (r: Random): string => {
  const corsica = r.int(0, 5) === 0;
  const start = r.text('12', 1) + r.text(DIGITS, 2) + two(r.int(1, 12));
  const department = corsica ? r.pick(['2A', '2B']) : two(r.int(1, 95));
  const body = start + department + r.text(DIGITS, 6);
  const whole = body + nirKey(body);
  return r.pick([whole, grouped(whole, [1, 2, 2, 2, 3, 3, 2], [' ']), ...(corsica ? [] : [grouped(whole, [13, 2], [' '])])]);
};

const bsn = (r: Random): Draft => {
  for (;;) {
    const eight = r.text('123456789', 1) + r.text(DIGITS, 7);
    const sum = [...eight].reduce((total, digit, i) => total + Number(digit) * (9 - i), 0) % 11;
    if (sum < 10) return named(r, r.pick([eight + sum, grouped(eight + sum, [4, 2, 3], ['.'])]), ['BSN', 'bsn', 'burgerservicenummer']);
  }
};

const pem = (r: Random): Draft => {
  const kind = r.pick([
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'DSA PRIVATE KEY',
    'PGP PRIVATE KEY BLOCK',
  ]);
  const lines = Array.from({ length: r.int(2, 8) }, () => r.text(BASE64, 64));
  const lineBreak = r.pick(['\n', '\r\n', '\\n', '\\\\n']);
  const headers =
    kind.startsWith('RSA') && r.int(0, 2) === 0
      ? ['Proc-Type: 4,ENCRYPTED', `DEK-Info: AES-128-CBC,${r.text('0123456789ABCDEF', 32)}`, '']
      : [];
  const end = r.int(0, 4) === 0 ? [] : [`-----END ${kind}-----`];
  const block = [`-----BEGIN ${kind}-----`, ...headers, ...lines, ...end].join(lineBreak);
  return { value: lines.at(r.int(0, lines.length - 1)) ?? '', named: block };
};

const base64url = (text: string): string => Buffer.from(text, 'latin1').toString('base64url');

const jwt = (r: Random): string => {
  const header = r.pick([
    { alg: 'RS256', typ: 'JWT', kid: r.text(HEX, 8) },
    { typ: 'JWT', alg: 'HS256' },
    { alg: 'none' },
    { alg: 'RSA-OAEP-256', enc: 'A256GCM' },
  ]);
  const encoded = base64url(r.int(0, 3) === 0 ? JSON.stringify(header, null, 1) : JSON.stringify(header));
  const payload = base64url(
    JSON.stringify({ sub: r.text(LOWER, 8), iat: r.int(1_500_000_000, 1_800_000_000), scope: r.text(LOWER, r.int(0, 40)) }),
  );
  if ('enc' in header)
    return [encoded, r.text(BASE64URL, 342), r.text(BASE64URL, 16), r.text(BASE64URL, 80), r.text(BASE64URL, 22)].join('.');
  return header.alg === 'none' ? `${encoded}.${payload}.` : `${encoded}.${payload}.${r.text(BASE64URL, 43)}`;
};

const PASSWORD_CHARS = `${ALPHANUMERIC}!#%*+-.^_~`;
const password = (r: Random): string => `p7${r.text(PASSWORD_CHARS, r.int(6, 24))}x`;

const assignment = (r: Random): Draft => {
  const name = r.pick([
    'password',
    'DB_PASSWORD',
    'client_secret',
    'apiKey',
    'API_KEY',
    'access_token',
    'refreshToken',
    'passwd',
    'pwd',
    'x-api-key',
    'secretKey',
    'spring.datasource.password',
  ]);
  const value = password(r);
  return {
    value,
    named: r.pick([
      `${name}=${value}`,
      `${name}="${value}"`,
      `"${name}": "${value}"`,
      `'${name}': '${value}'`,
      `${name}: ${value}`,
      `${name} = '${value}'`,
      `--${name}=${value}`,
      `config["${name}"] = "${value}"`,
    ]),
  };
};

const connectionString = (r: Random): Draft => {
  const value = password(r).replaceAll('#', '!');
  const scheme = r.pick(['postgres', 'postgresql', 'mysql', 'mongodb+srv', 'redis', 'amqp', 'https', 'ftp']);
  const host = r.pick(['db.internal', 'localhost:5432', '10.0.0.7', `${r.text(LOWER, 6)}.example.com:6379`]);
  return { value, named: `${scheme}://${r.pick(['', 'ada', 'svc_user'])}:${value}@${host}/${r.text(LOWER, 5)}` };
};

const authorization = (r: Random): Draft => {
  const bearer = keyText(r, `${BASE64URL}.~`, r.int(20, 80)).replace(/\.+$/, 'x');
  const basic = Buffer.from(`${r.text(LOWER, 5)}:${password(r)}`).toString('base64');
  return r.pick([
    { value: bearer, named: `Authorization: Bearer ${bearer}` },
    { value: bearer, named: `"authorization":"Bearer ${bearer}"` },
    { value: bearer, named: `bearer ${bearer}` },
    { value: basic, named: `Authorization: Basic ${basic}` },
    { value: basic, named: `-H 'Proxy-Authorization: Basic ${basic}'` },
  ]);
};

const awsSecret = (r: Random): Draft => {
  const value = keyText(r, BASE64, 40);
  const id = `AKIA${r.text(`${UPPER}234567`, 16)}`;
  return {
    value,
    named: r.pick([
      `aws_secret_access_key = ${value}`,
      `AWS_SECRET_ACCESS_KEY=${value}`,
      `"SecretAccessKey": "${value}"`,
      `the secret access key is ${value}`,
      `${id},${value}`,
      `${id}:${value}`,
    ]),
  };
};

const KEYS = 'secret.provider-key';
const IDS = 'pii.national-id';

/** How to generate each detector's values, in the notations it promises to read. */
export const GENERATORS: Readonly<Record<string, { readonly label: string; readonly draft: (r: Random) => Draft }>> = {
  'email-address': { label: 'pii.email', draft: email },
  'payment-card': { label: 'pii.card', draft: card },
  iban: { label: 'pii.iban', draft: iban },
  'phone-international': { label: 'pii.phone', draft: internationalPhone },
  'phone-national': { label: 'pii.phone', draft: nationalPhone },
  'phone-named': {
    label: 'pii.phone',
    draft: (r) =>
      named(r, r.text('23456789', 1) + r.text(DIGITS, r.int(7, 11)), ['phone', 'phoneNumber', 'tel', 'Mobile', 'fax', 'WhatsApp']),
  },
  'us-ssn': {
    label: IDS,
    draft: (r) => {
      const digits = r.text('12345', 1) + r.text(DIGITS, 2) + two(r.int(1, 99)) + String(r.int(1, 9999)).padStart(4, '0');
      return r.int(0, 3) === 0 ? named(r, digits, ['SSN', 'ssn', 'social security']) : grouped(digits, [3, 2, 4], [r.pick(['-', ' '])]);
    },
  },
  'uk-nino': {
    label: IDS,
    draft: (r) => {
      const nino = r.pick(['AB', 'CE', 'JK', 'PA', 'WM', 'YZ']) + r.text(DIGITS, 6) + r.text('ABCD', 1);
      return r.pick([nino, grouped(nino, [2, 2, 2, 2, 1], [' '])]);
    },
  },
  'de-steuer-id': {
    label: IDS,
    draft: (r) => {
      const id = steuerId(r);
      return r.int(0, 1) === 0
        ? grouped(id, [2, 3, 3, 3], [' '])
        : named(r, id, ['Steuer-ID', 'steuerId', 'Identifikationsnummer', 'tax id']);
    },
  },
  'fr-nir': { label: IDS, draft: nir },
  'es-dni': {
    label: IDS,
    draft: (r) => {
      const dni = r.text(DIGITS, 8);
      const nie = r.text('XYZ', 1) + r.text(DIGITS, 7);
      return r.pick([
        dni + dniLetter(dni),
        `${dni}-${dniLetter(dni)}`,
        nie + dniLetter(nie),
        `${nie.slice(0, 1)}-${nie.slice(1)}-${dniLetter(nie)}`,
      ]);
    },
  },
  'it-codice-fiscale': {
    label: IDS,
    draft: (r) => r.pick([(code: string) => code, (code: string) => code.toLowerCase()])(codiceFiscale(r)),
  },
  'nl-bsn': { label: IDS, draft: bsn },
  'se-personnummer': { label: IDS, draft: personnummer },
  'br-cpf': {
    label: IDS,
    draft: (r) => {
      const digits = cpf(r);
      return r.pick<() => Draft>([
        () => grouped(digits, [3, 3, 3, 2], ['.', '.', '-']),
        () => grouped(digits, [9, 2], ['-']),
        () => named(r, digits, ['CPF', 'cpf', 'customerCpf']),
      ])();
    },
  },
  'in-aadhaar': {
    label: IDS,
    draft: (r) => {
      const eleven = r.text('23456789', 1) + r.text(DIGITS, 10);
      const digits = eleven + verhoeffDigit(eleven);
      return r.int(0, 2) === 0
        ? named(r, digits, ['Aadhaar', 'aadhaar_number', 'UIDAI'])
        : grouped(digits, [4, 4, 4], [r.pick([' ', '-'])]);
    },
  },
  'pl-pesel': {
    label: IDS,
    draft: (r) => {
      const { year, month, day } = date(r);
      const ten = two(year % 100) + two(year >= 2000 ? month + 20 : month) + two(day) + r.text(DIGITS, 4);
      return named(r, ten + peselDigit(ten), ['PESEL', 'pesel', 'nr PESEL']);
    },
  },
  'aws-access-key-id': { label: KEYS, draft: (r) => r.pick(['AKIA', 'ASIA']) + r.text(`${UPPER}234567`, 16) },
  'aws-secret-access-key': { label: KEYS, draft: awsSecret },
  'github-token': { label: KEYS, draft: (r) => r.pick(['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_']) + r.text(ALPHANUMERIC, 36) },
  'github-fine-grained-token': { label: KEYS, draft: (r) => `github_pat_${r.text(ALPHANUMERIC, 22)}_${r.text(ALPHANUMERIC, 59)}` },
  'gitlab-token': { label: KEYS, draft: (r) => `glpat-${keyText(r, BASE64URL, r.int(20, 40))}` },
  'slack-token': {
    label: KEYS,
    draft: (r) =>
      r.pick([
        `xoxb-${r.text(DIGITS, 12)}-${r.text(DIGITS, 13)}-${r.text(ALPHANUMERIC, 24)}`,
        `xoxp-${r.text(DIGITS, 12)}-${r.text(DIGITS, 12)}-${r.text(HEX, 32)}`,
        `xapp-1-A${r.text(UPPER, 10)}-${r.text(DIGITS, 13)}-${r.text(HEX, 64)}`,
      ]),
  },
  'slack-webhook': {
    label: KEYS,
    draft: (r) => {
      const value = `hooks.slack.com/services/T${r.text(UPPER, 8)}/B${r.text(UPPER, 8)}/${r.text(ALPHANUMERIC, 24)}`;
      return { value, named: `https://${value}` };
    },
  },
  'stripe-key': {
    label: KEYS,
    draft: (r) => r.pick(['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_']) + r.text(ALPHANUMERIC, r.int(24, 99)),
  },
  'webhook-secret': { label: KEYS, draft: (r) => `whsec_${r.text(ALPHANUMERIC, 32)}` },
  'anthropic-key': { label: KEYS, draft: (r) => `sk-ant-${r.pick(['api03', 'admin01'])}-${r.text(BASE64URL, 93)}AA` },
  'openai-key': { label: KEYS, draft: (r) => r.pick(['sk-', 'sk-proj-', 'sk-svcacct-']) + keyText(r, ALPHANUMERIC, r.int(40, 150)) },
  'google-api-key': { label: KEYS, draft: (r) => `AIza${r.text(BASE64URL, 35)}` },
  'google-oauth-secret': { label: KEYS, draft: (r) => `GOCSPX-${r.text(BASE64URL, 28)}` },
  'google-oauth-token': { label: KEYS, draft: (r) => `ya29.${r.text(BASE64URL, r.int(60, 160))}` },
  'npm-token': { label: KEYS, draft: (r) => `npm_${r.text(ALPHANUMERIC, 36)}` },
  'pypi-token': { label: KEYS, draft: (r) => `pypi-AgEIcHlwaS5vcmc${r.text(BASE64URL, r.int(80, 160))}` },
  'sendgrid-key': { label: KEYS, draft: (r) => `SG.${r.text(BASE64URL, 22)}.${r.text(BASE64URL, 43)}` },
  'twilio-key': { label: KEYS, draft: (r) => `SK${r.text(HEX, 32)}` },
  'azure-account-key': {
    label: KEYS,
    draft: (r) => {
      const value = bytes(r, 64).toString('base64');
      return {
        value,
        named: `DefaultEndpointsProtocol=https;AccountName=${r.text(LOWER, 8)};AccountKey=${value};EndpointSuffix=core.windows.net`,
      };
    },
  },
  'digitalocean-token': { label: KEYS, draft: (r) => r.pick(['dop_v1_', 'doo_v1_']) + r.text(HEX, 64) },
  'vault-token': { label: KEYS, draft: (r) => `hvs.${r.text(BASE64URL, r.int(24, 100))}` },
  'hugging-face-token': { label: KEYS, draft: (r) => `hf_${r.text(ALPHANUMERIC, 34)}` },
  'vendor-token': {
    label: KEYS,
    draft: (r) =>
      r.pick(['dckr_pat_', 'shpat_', 'lin_api_', 'figd_', 'NRAK-', 'PMAK-', 'ATATT3', 'gsk_', 'xai-', 'nvapi-', 'rubygems_']) +
      keyText(r, ALPHANUMERIC, r.int(32, 64)),
  },
  'telegram-bot-token': {
    label: KEYS,
    draft: (r) => {
      const value = `${r.text('123456789', 1)}${r.text(DIGITS, r.int(7, 9))}:AA${r.text(BASE64URL, 33)}`;
      return r.pick<() => Draft>([() => value, () => ({ value, named: `https://api.telegram.org/bot${value}/getMe` })])();
    },
  },
  'connection-string': { label: KEYS, draft: connectionString },
  'authorization-header': { label: KEYS, draft: authorization },
  'credential-assignment': { label: KEYS, draft: assignment },
  'private-key-block': { label: 'secret.private-key', draft: pem },
  'json-web-token': { label: 'secret.jwt', draft: jwt },
};
