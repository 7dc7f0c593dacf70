import { asLatin1, decodeBase64 } from './base64.js';
import { isStandIn, looksRandom } from './credential-names.js';
import { type Emit, isAlphanumeric, RANK, type Rule, type Subject } from './detection.js';
import { ESCAPED_QUOTES } from './folded-text.js';

interface KeyRule extends Rule {
  /** Literal beginnings; the scanner looks for all of them at once. */
  readonly prefixes: readonly string[];
  /** The whole key from its prefix on, sticky. A group named `key` claims that part alone. */
  readonly pattern: RegExp;
  readonly isValid?: (match: string) => boolean;
}

const key = (detector: string, prefixes: readonly string[], pattern: RegExp, isValid?: KeyRule['isValid']): KeyRule => ({
  detector,
  label: 'secret.provider-key',
  rank: RANK.providerKey,
  prefixes,
  pattern,
  isValid,
});

const hasDigit = (match: string): boolean => /[0-9]/.test(match);

// Formats as their issuers document them or as they are seen in the wild; upper bounds are generous, as keys grow.
const KEY_RULES: readonly KeyRule[] = [
  key('aws-access-key-id', ['AKIA', 'ASIA', 'ABIA', 'ACCA'], /A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9])/dy),
  key(
    'aws-secret-access-key',
    ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
    new RegExp(`A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}[\\s,:;|/"'${ESCAPED_QUOTES}]{1,8}(?<key>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])`, 'dy'),
  ),
  key('github-token', ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], /gh[pousr]_[A-Za-z0-9]{30,512}/dy),
  key('github-fine-grained-token', ['github_pat_'], /github_pat_[A-Za-z0-9_]{22,512}/dy),
  key(
    'gitlab-token',
    ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glft-', 'glsoat-', 'glcbt-', 'glimt-', 'glagent-', 'gloas-'],
    /gl(?:pat|dt|rt|ptt|ft|soat|cbt|imt|agent|oas)-[A-Za-z0-9_.-]{20,512}/dy,
    hasDigit,
  ),
  key(
    'slack-token',
    ['xoxa-', 'xoxb-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxd-', 'xoxe.', 'xapp-'],
    /x(?:ox[abceoprsd][.-]|app-)[A-Za-z0-9.%_-]{10,512}/dy,
    hasDigit,
  ),
  key('slack-webhook', ['hooks.slack.com/'], /hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9/_-]{20,256}/dy),
  key('stripe-key', ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'], /[sr]k_(?:live|test)_[A-Za-z0-9_]{10,512}/dy),
  key('webhook-secret', ['whsec_'], /whsec_[A-Za-z0-9+/=]{16,512}/dy),
  key('anthropic-key', ['sk-ant-'], /sk-ant-[A-Za-z0-9_-]{20,512}/dy),
  key(
    'openai-key',
    ['sk-'],
    /sk-(?!ant-)(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,512}/dy,
    (match) => /[0-9]/.test(match) && /[A-Z]/.test(match),
  ),
  key('google-api-key', ['AIza'], /AIza[A-Za-z0-9_-]{35}/dy),
  key('google-oauth-secret', ['GOCSPX-'], /GOCSPX-[A-Za-z0-9_-]{20,64}/dy),
  key('google-oauth-token', ['ya29.'], /ya29\.[A-Za-z0-9_-]{20,1024}/dy),
  key('npm-token', ['npm_'], /npm_[A-Za-z0-9]{36,64}/dy),
  key('pypi-token', ['pypi-'], /pypi-[A-Za-z0-9_-]{50,1024}/dy),
  key('sendgrid-key', ['SG.'], /SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/dy),
  key('twilio-key', ['SK'], /SK[0-9a-f]{32}(?![A-Za-z0-9])/dy),
  key('azure-account-key', ['AccountKey=', 'SharedAccessKey='], /(?:Account|SharedAccess)Key=(?<key>[A-Za-z0-9+/]{40,128}={0,2})/dy),
  key('digitalocean-token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], /do[opr]_v1_[a-f0-9]{64}/dy),
  key('vault-token', ['hvs.', 'hvb.', 'hvr.'], /hv[sbr]\.[A-Za-z0-9_-]{20,512}/dy),
  key('hugging-face-token', ['hf_'], /hf_[A-Za-z0-9]{30,128}/dy),
  key(
    'vendor-token',
    [
      'dckr_pat_',
      'shpat_',
      'shpss_',
      'shppa_',
      'lin_api_',
      'figd_',
      'NRAK-',
      'PMAK-',
      'ATATT3',
      'AGE-SECRET-KEY-1',
      'ntn_',
      'gsk_',
      'xai-',
      'pplx-',
      'nvapi-',
      'sntrys_',
      'rubygems_',
      'glc_',
      'r8_',
    ],
    /(?:dckr_pat_|shp(?:at|ss|pa)_|lin_api_|figd_|NRAK-|PMAK-|ATATT3|AGE-SECRET-KEY-1|ntn_|gsk_|xai-|pplx-|nvapi-|sntrys_|rubygems_|glc_|r8_)[A-Za-z0-9_=+/-]{24,1024}/dy,
    hasDigit,
  ),
];

const literally = (literal: string): string => literal.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
const PREFIX = new RegExp(
  [...new Set(KEY_RULES.flatMap((rule) => rule.prefixes))]
    .sort((a, b) => b.length - a.length)
    .map(literally)
    .join('|'),
  'g',
);
const BY_PREFIX = new Map<string, KeyRule[]>();
for (const rule of KEY_RULES) for (const prefix of rule.prefixes) BY_PREFIX.set(prefix, [...(BY_PREFIX.get(prefix) ?? []), rule]);

/** Whether a key may begin here: at a boundary, or behind a percent-encoded sign, whose last character is a digit or a letter. */
const isBoundary = (text: string, at: number): boolean =>
  at === 0 || !isAlphanumeric(text.charCodeAt(at - 1)) || /%[0-9A-Fa-f]{2}$/.test(text.slice(Math.max(0, at - 3), at));

/** Claims keys and tokens whose issuer marks them with a prefix. Needs a run of sixteen key characters somewhere in the text. */
export const findPrefixedKeys = ({ text }: Subject, emit: Emit): void => {
  PREFIX.lastIndex = 0;
  for (let match = PREFIX.exec(text); match !== null; match = PREFIX.exec(text)) {
    const at = match.index;
    let next = PREFIX.lastIndex;
    if (isBoundary(text, at)) {
      for (const rule of BY_PREFIX.get(match[0]) ?? []) {
        rule.pattern.lastIndex = at;
        const found = rule.pattern.exec(text);
        if (found === null || (rule.isValid !== undefined && !rule.isValid(found[0]))) continue;
        const [start, end] = found.indices?.groups?.key ?? [at, at + found[0].length];
        emit(rule, start, end);
        next = Math.max(next, end);
      }
    }
    PREFIX.lastIndex = next;
  }
};

const TELEGRAM: Rule = { detector: 'telegram-bot-token', label: 'secret.provider-key', rank: RANK.providerKey };
const TELEGRAM_TOKEN = /(?<=^|[^0-9A-Za-z]|\bbot)[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g;

/** Claims Telegram bot tokens, which have no prefix but a shape of their own. */
export const findTelegramTokens = ({ text }: Subject, emit: Emit): void => {
  for (const match of text.matchAll(TELEGRAM_TOKEN)) emit(TELEGRAM, match.index, match.index + match[0].length);
};

const AWS_SECRET: Rule = { detector: 'aws-secret-access-key', label: 'secret.provider-key', rank: RANK.providerKey };
const AWS_SECRET_NAMED =
  /secret[ _-]?(?:access[ _-]?)?key[^A-Za-z0-9/+]{0,8}(?:(?:is|was|of|for)[^A-Za-z0-9/+]{1,4})?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/dgi;

/** Claims the forty characters behind the name of an AWS secret access key, in prose too. */
export const findAwsSecrets = ({ text }: Subject, emit: Emit): void => {
  for (const match of text.matchAll(AWS_SECRET_NAMED)) {
    const span = match.indices?.[1];
    if (span !== undefined) emit(AWS_SECRET, span[0], span[1]);
  }
};

const CONNECTION: Rule = { detector: 'connection-string', label: 'secret.provider-key', rank: RANK.connectionString };
const URL_CHARS_MAX = 1024;
const MASK = /^\[(?:pii|secret)\.[a-z-]+\]$/;

/** Claims the password of `scheme://user:password@host`; the rest of the address stays readable. */
export const findConnectionStrings = ({ text }: Subject, emit: Emit): void => {
  for (let at = text.indexOf('://'); at !== -1; at = text.indexOf('://', at + 3)) {
    if (at === 0 || !isAlphanumeric(text.charCodeAt(at - 1))) continue;
    const from = at + 3;
    let colon = -1;
    let last = -1;
    for (let i = from; i < Math.min(text.length, from + URL_CHARS_MAX); i++) {
      const character = text.charAt(i);
      if (character <= ' ' || '/?#"\'`<>'.includes(character)) break;
      if (character === ':' && colon === -1) colon = i;
      if (character === '@') last = i;
    }
    if (colon === -1 || last <= colon + 1) continue;
    const password = text.slice(colon + 1, last);
    if (!isStandIn(password) && !MASK.test(password)) emit(CONNECTION, colon + 1, last);
  }
};

const AUTHORIZATION: Rule = { detector: 'authorization-header', label: 'secret.provider-key', rank: RANK.assignment };
const BEARER = /(?<![A-Za-z0-9])(bearer|basic)[ \t]{1,4}([A-Za-z0-9._~+/=-]{16,})/dgi;
const BASIC_CHARS_MAX = 4096;

const isBasicCredential = (value: string): boolean => {
  const decoded = value.length > BASIC_CHARS_MAX ? null : decodeBase64(value);
  return decoded !== null && /^[\x20-\x7e\x80-\xff]*:[\x20-\x7e\x80-\xff]*$/.test(asLatin1(decoded));
};

/** Claims the value of a Bearer or Basic credential that stands without its header. */
export const findBearers = ({ text }: Subject, emit: Emit): void => {
  for (const match of text.matchAll(BEARER)) {
    const span = match.indices?.[2];
    const value = match[2];
    if (span === undefined || value === undefined) continue;
    const isBearer = match[1]?.toLowerCase() === 'bearer';
    if (isBearer ? looksRandom(value) : isBasicCredential(value)) emit(AUTHORIZATION, span[0], span[1]);
  }
};
