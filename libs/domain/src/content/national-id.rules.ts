import { codiceFiscaleLetter, isAadhaar, isBsn, isCpf, isDni, isNir, isPersonnummer, isPesel, isSsn, isSteuerId } from './check-digits.js';
import { abbreviation, type Emit, isNamed, RANK, type Rule, type Subject } from './detection.js';
import { type DigitChain, isContinued, isGlued, isPartOfSlug, windowOf } from './digit-groups.js';

const rule = (detector: string): Rule => ({ detector, label: 'pii.national-id', rank: RANK.nationalId });

interface Notation {
  readonly rule: Rule;
  /** Lengths of the digit groups, joined by commas. */
  readonly grouping: string;
  readonly separators: RegExp;
  readonly isValid: (digits: string) => boolean;
  /** A notation too common for other things counts only near a word that names it. */
  readonly name?: RegExp;
}

const US_SSN = rule('us-ssn');
const BR_CPF = rule('br-cpf');
const IN_AADHAAR = rule('in-aadhaar');
const SE_PERSONNUMMER = rule('se-personnummer');
const DE_STEUER_ID = rule('de-steuer-id');
const FR_NIR = rule('fr-nir');
const NL_BSN = rule('nl-bsn');
const PL_PESEL = rule('pl-pesel');
const UK_NINO = rule('uk-nino');
const ES_DNI = rule('es-dni');
const IT_CODICE_FISCALE = rule('it-codice-fiscale');

const SSN_NAME = abbreviation('ssn', '[Ss]ocial.?[Ss]ecurity');
const CPF_NAME = abbreviation('cpf', '[Cc]adastro de [Pp]essoas');
const BSN_NAME = abbreviation('bsn', '[Bb]urger.?[Ss]ervice|[Ss]ofi.?[Nn]ummer');
const AADHAAR_NAME = /aa?dh?aar|uidai/i;
const PERSONNUMMER_NAME = /person.?nummer|personal.?(?:identity.?)?number|samordningsnummer/i;
const STEUER_ID_NAME = /steuer.?id|identifikationsnummer|id.?nr|tax.?id/i;
const PESEL_NAME = /pesel/i;

const NONE = /^$/;
const SPACES = /^ +$/;
const ALIKE = /^([ .-])\1*$/;

const NOTATIONS: readonly Notation[] = [
  { rule: US_SSN, grouping: '3,2,4', separators: /^(?:--| {2})$/, isValid: isSsn },
  { rule: US_SSN, grouping: '9', separators: NONE, isValid: isSsn, name: SSN_NAME },
  { rule: BR_CPF, grouping: '3,3,3,2', separators: /^(?:\.\.-|\.\.\/|--\/|---)$/, isValid: isCpf },
  { rule: BR_CPF, grouping: '9,2', separators: /^-$/, isValid: isCpf },
  { rule: BR_CPF, grouping: '3,3,3,2', separators: SPACES, isValid: isCpf, name: CPF_NAME },
  { rule: BR_CPF, grouping: '11', separators: NONE, isValid: isCpf, name: CPF_NAME },
  { rule: IN_AADHAAR, grouping: '4,4,4', separators: /^(?: {2}|--)$/, isValid: isAadhaar },
  { rule: IN_AADHAAR, grouping: '12', separators: NONE, isValid: isAadhaar, name: AADHAAR_NAME },
  { rule: SE_PERSONNUMMER, grouping: '6,4', separators: /^[+-]$/, isValid: isPersonnummer },
  { rule: SE_PERSONNUMMER, grouping: '8,4', separators: /^[+-]$/, isValid: isPersonnummer },
  { rule: SE_PERSONNUMMER, grouping: '10', separators: NONE, isValid: isPersonnummer, name: PERSONNUMMER_NAME },
  { rule: SE_PERSONNUMMER, grouping: '12', separators: NONE, isValid: isPersonnummer, name: PERSONNUMMER_NAME },
  { rule: DE_STEUER_ID, grouping: '2,3,3,3', separators: /^(?: {3}|-{3}|\/{3})$/, isValid: isSteuerId },
  { rule: DE_STEUER_ID, grouping: '11', separators: NONE, isValid: isSteuerId, name: STEUER_ID_NAME },
  { rule: FR_NIR, grouping: '15', separators: NONE, isValid: isNir },
  { rule: FR_NIR, grouping: '13,2', separators: /^[ -]$/, isValid: isNir },
  { rule: FR_NIR, grouping: '1,2,2,2,3,3,2', separators: /^(?: {6}|\.{6}|-{6}| {5}-| {5}\/)$/, isValid: isNir },
  { rule: NL_BSN, grouping: '9', separators: NONE, isValid: isBsn, name: BSN_NAME },
  { rule: NL_BSN, grouping: '8', separators: NONE, isValid: isBsn, name: BSN_NAME },
  { rule: NL_BSN, grouping: '3,3,3', separators: ALIKE, isValid: isBsn, name: BSN_NAME },
  { rule: NL_BSN, grouping: '4,2,3', separators: ALIKE, isValid: isBsn, name: BSN_NAME },
  { rule: PL_PESEL, grouping: '11', separators: NONE, isValid: isPesel, name: PESEL_NAME },
];

const GROUPS_MAX = 7;
const BY_GROUPING = new Map<string, Notation[]>();
for (const notation of NOTATIONS) BY_GROUPING.set(notation.grouping, [...(BY_GROUPING.get(notation.grouping) ?? []), notation]);

/** Claims national ids written in digits. Notations that many other numbers share count only next to a word or key that names them. */
export const findNumericIds = (subject: Subject, chain: DigitChain, emit: Emit): void => {
  const { groups } = chain;
  for (let first = 0; first < groups.length; first++) {
    let grouping = '';
    for (let last = first; last < Math.min(groups.length, first + GROUPS_MAX); last++) {
      const group = groups[last];
      if (group === undefined) break;
      grouping += last === first ? group.end - group.start : `,${group.end - group.start}`;
      const notations = BY_GROUPING.get(grouping);
      if (notations === undefined) continue;
      const window = windowOf(subject.text, chain, first, last);
      if (isGlued(window) || isContinued(window)) continue;
      for (const notation of notations) {
        if (!notation.separators.test(window.separators) || !notation.isValid(window.digits)) continue;
        if (notation.name !== undefined && !isNamed(subject, window.start, window.end, notation.name)) continue;
        if (notation.rule !== US_SSN && isPartOfSlug(subject.text, window)) continue;
        emit(notation.rule, window.start, window.end);
      }
    }
  }
};

interface LetteredId {
  readonly rule: Rule;
  readonly pattern: RegExp;
  readonly isValid: (compact: string) => boolean;
}

// Upper case only where a lower-case form would be found in hexadecimal words.
const LETTERED_IDS: readonly LetteredId[] = [
  {
    rule: UK_NINO,
    pattern: /(?<![A-Za-z0-9])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D](?![A-Za-z0-9])/g,
    isValid: (id) => !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/.test(id),
  },
  {
    rule: ES_DNI,
    pattern: /(?<![A-Za-z0-9]|\d[.-])(?:\d{8}-?|\d\d\.\d{3}\.\d{3}-?|[XYZ][ -]?\d{7}[ -]?)[A-HJ-NP-TV-Z](?![A-Za-z0-9])/g,
    isValid: isDni,
  },
  {
    rule: FR_NIR,
    pattern: /(?<![A-Za-z0-9])[1-478][ .-]?\d\d[ .-]?\d\d[ .-]?2[AB][ .-]?\d{3}[ .-]?\d{3}[ .-]?\d\d(?![A-Za-z0-9])/g,
    isValid: (id) => isNir(id.replace('2A', '19').replace('2B', '18')),
  },
];

const NOT_ALPHANUMERIC = /[^A-Za-z0-9]/g;

/** Claims national ids that mix letters and at least six digits. */
export const findLetteredIds = ({ text }: Subject, emit: Emit): void => {
  for (const { rule: found, pattern, isValid } of LETTERED_IDS) {
    for (const match of text.matchAll(pattern)) {
      if (isValid(match[0].replace(NOT_ALPHANUMERIC, ''))) emit(found, match.index, match.index + match[0].length);
    }
  }
};

// Any digit may be replaced by a letter where two people would share a code (omocodia), so digits are no precondition.
const CODICE_FISCALE = /(?<![A-Za-z0-9])[A-Za-z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?![A-Za-z0-9])/gi;

/** Claims Italian codici fiscali, which may hold no digit at all; the control letter decides. */
export const findCodiciFiscali = ({ text }: Subject, emit: Emit): void => {
  for (const match of text.matchAll(CODICE_FISCALE)) {
    const code = match[0].toUpperCase();
    if (codiceFiscaleLetter(code.slice(0, 15)) === code.at(-1)) emit(IT_CODICE_FISCALE, match.index, match.index + 16);
  }
};
