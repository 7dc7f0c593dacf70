import { type Emit, isAlphanumeric, isDigit, RANK, type Rule, type Subject } from './detection.js';

const EMAIL: Rule = { detector: 'email-address', label: 'pii.email', rank: RANK.email };

// RFC 5321 section 4.5.3.1 limits.
const LOCAL_CHARS_MAX = 64;
const DOMAIN_CHARS_MAX = 253;
// RFC 5322 atext without the signs that end a value in URLs and assignments.
const LOCAL_SIGNS = ".!#$%&'*+-^_`{|}~";
// What follows the @ in names of image files for dense screens (icon@2x.png) and of scripts.
const FILE_ENDINGS = new Set([
  'png',
  'jpg',
  'jpeg',
  'gif',
  'svg',
  'webp',
  'avif',
  'ico',
  'css',
  'scss',
  'less',
  'js',
  'mjs',
  'cjs',
  'ts',
  'tsx',
  'jsx',
  'json',
  'html',
  'map',
]);

const isWord = (code: number): boolean => isAlphanumeric(code) || code >= 0xaa;
const isLocal = (code: number): boolean => isWord(code) || LOCAL_SIGNS.includes(String.fromCharCode(code));
const isDomain = (code: number): boolean => isWord(code) || code === 45 || code === 46;

const localStart = (text: string, at: number): number => {
  let start = at;
  if (text.charAt(at - 1) === '"') {
    const open = text.lastIndexOf('"', at - 2);
    return open >= 0 && at - open <= LOCAL_CHARS_MAX && open < at - 2 && !/[\s{}[\]:,=]/.test(text.slice(open + 1, open + 2)) ? open : at;
  }
  while (start > 0 && at - start < LOCAL_CHARS_MAX && isLocal(text.charCodeAt(start - 1))) start--;
  while (start < at && !isWord(text.charCodeAt(start)) && text.charAt(start) !== '_' && text.charAt(start) !== '+') start++;
  return start;
};

const domainEnd = (text: string, at: number): number => {
  let end = at + 1;
  while (end < text.length && end - at <= DOMAIN_CHARS_MAX && isDomain(text.charCodeAt(end))) end++;
  while (end > at + 1 && !isWord(text.charCodeAt(end - 1))) end--;
  return end;
};

const isDomainName = (domain: string): boolean => {
  const dot = domain.lastIndexOf('.');
  const top = domain.slice(dot + 1);
  if (dot < 1 || top.length < 2 || isDigit(top.charCodeAt(0)) || FILE_ENDINGS.has(top.toLowerCase())) return false;
  // `name@1.2.3-rc.one` is a package at a version.
  return !domain.includes('..') && !domain.startsWith('.') && !/^\d+\.\d+\.\d+/.test(domain);
};

const findAround = (text: string, sign: '@' | '%40', emit: Emit): void => {
  for (let at = text.indexOf(sign); at !== -1; at = text.indexOf(sign, at + 1)) {
    const start = localStart(text, at);
    if (start === at) continue;
    const last = at + sign.length - 1;
    const end = domainEnd(text, last);
    if (!isDomainName(text.slice(last + 1, end))) continue;
    if (text.charAt(end) === ':' && text.slice(start, at) === 'git') continue;
    emit(EMAIL, start, end);
  }
};

/** Claims e-mail addresses with a dotted domain, international ones included, also with the `%40` of a URL. `git@host:path` is a remote. */
export const findEmails = ({ text }: Subject, emit: Emit): void => {
  findAround(text, '@', emit);
  findAround(text, '%40', emit);
};
