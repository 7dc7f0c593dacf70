/** A small seeded source of choices: the same seed gives the same choices (mulberry32). */
export interface Random {
  int(from: number, to: number): number;
  pick<T>(choices: readonly T[]): T;
  text(alphabet: string, length: number): string;
}

/** A source of choices from a seed. */
export const randomFrom = (seed: number): Random => {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    int,
    pick: <T>(choices: readonly T[]): T => {
      const index = int(0, choices.length - 1);
      if (index >= choices.length) throw new Error('nothing to pick from');
      return choices[index] as T;
    },
    text: (alphabet, length) => {
      let text = '';
      for (let i = 0; i < length; i++) text += alphabet.charAt(int(0, alphabet.length - 1));
      return text;
    },
  };
};

const DIGITS = '0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Random bytes. */
export const bytes = (r: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => r.int(0, 255)));

/** Appends the Luhn digit to a text of digits. */
export const luhn = (digits: string): string => {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits.charAt(digits.length - 1 - i));
    const value = i % 2 === 0 ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
  }
  return digits + ((10 - (sum % 10)) % 10);
};

/** Country codes with the shape of the national part: n digits, a upper-case letters, c both (ISO 13616 registry). */
const IBAN_SHAPES: Readonly<Record<string, string>> = {
  AD: '8n12c',
  AE: '19n',
  AL: '8n16c',
  AT: '16n',
  AZ: '4a20c',
  BA: '16n',
  BE: '12n',
  BG: '4a6n8c',
  BH: '4a14c',
  BR: '23n1a1c',
  BY: '4c4n16c',
  CH: '5n12c',
  CR: '18n',
  CY: '8n16c',
  CZ: '20n',
  DE: '18n',
  DK: '14n',
  DO: '4c20n',
  EE: '16n',
  EG: '25n',
  ES: '20n',
  FI: '14n',
  FO: '14n',
  FR: '10n11c2n',
  GB: '4a14n',
  GE: '2a16n',
  GI: '4a15c',
  GL: '14n',
  GR: '7n16c',
  GT: '4c20c',
  HR: '17n',
  HU: '24n',
  IE: '4a14n',
  IL: '19n',
  IQ: '4a15n',
  IS: '22n',
  IT: '1a10n12c',
  JO: '4a4n18c',
  KW: '4a22c',
  KZ: '3n13c',
  LB: '4n20c',
  LC: '4a24c',
  LI: '5n12c',
  LT: '16n',
  LU: '3n13c',
  LV: '4a13c',
  LY: '21n',
  MC: '10n11c2n',
  MD: '2c18c',
  ME: '18n',
  MK: '3n10c2n',
  MR: '23n',
  MT: '4a5n18c',
  MU: '4a19n3a',
  NL: '4a10n',
  NO: '11n',
  PK: '4a16c',
  PL: '24n',
  PS: '4a21c',
  PT: '21n',
  QA: '4a21c',
  RO: '4a16c',
  RS: '18n',
  SA: '2n18c',
  SC: '4a20n3a',
  SE: '20n',
  SI: '15n',
  SK: '20n',
  SM: '1a10n12c',
  ST: '21n',
  SV: '4a20n',
  TL: '19n',
  TN: '20n',
  TR: '5n1n16c',
  UA: '6n19c',
  VA: '18n',
  VG: '4a16n',
  XK: '16n',
};

/** A valid IBAN of a random country, without spaces. */
export const checkedIban = (r: Random): string => {
  const country = r.pick(Object.keys(IBAN_SHAPES));
  const alphabets: Readonly<Record<string, string>> = { n: DIGITS, a: UPPER, c: UPPER + DIGITS };
  const national = (IBAN_SHAPES[country] ?? '').replace(/(\d+)([nac])/g, (_, length: string, kind: string) =>
    r.text(alphabets[kind] ?? DIGITS, Number(length)),
  );
  const numeric = `${national}${country}00`.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
  const check = 98n - (BigInt(numeric) % 97n);
  return country + String(check).padStart(2, '0') + national;
};

const INVERSES = [0, 4, 3, 2, 1, 5, 6, 7, 8, 9];

/** The product of two elements of the dihedral group of order ten: rotations 0 to 4, reflections 5 to 9. */
const dihedral = (a: number, b: number): number => {
  if (a < 5) return b < 5 ? (a + b) % 5 : 5 + ((a + b) % 5);
  return b < 5 ? 5 + ((a - b + 5) % 5) : (a - b + 5) % 5;
};

/** The Verhoeff check digit of a text of digits. */
export const verhoeffDigit = (digits: string): number => {
  const once = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
  const permuted = (times: number, digit: number): number => (times === 0 ? digit : permuted(times - 1, once[digit] ?? 0));
  let state = 0;
  for (let i = 0; i < digits.length; i++) state = dihedral(state, permuted((i + 1) % 8, Number(digits.charAt(digits.length - 1 - i))));
  return INVERSES[state] ?? 0;
};

/** A valid German tax id: one digit twice or three times among the first ten, the others once. */
export const steuerId = (r: Random): string => {
  const pool = [...DIGITS].sort(() => r.int(0, 1) - 0.5);
  const repeats = r.int(2, 3);
  const first = pool[0] ?? '1';
  const ten = [...Array.from({ length: repeats }, () => first), ...pool.slice(1, 11 - repeats)].sort(() => r.int(0, 1) - 0.5);
  if (ten[0] === '0') ten.reverse();
  if (ten[0] === '0') return steuerId(r);
  let product = 10;
  for (const digit of ten) {
    const sum = (Number(digit) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return ten.join('') + ((11 - product) % 10);
};

/** The key of a French NIR's first thirteen characters. */
export const nirKey = (body: string): string => String(97n - (BigInt(body.replace('2A', '19').replace('2B', '18')) % 97n)).padStart(2, '0');

/** The letter of a Spanish DNI or NIE. */
export const dniLetter = (id: string): string =>
  'TRWAGMYFPDXBNJZSQVHLCKE'.charAt(Number(id.replace('X', '0').replace('Y', '1').replace('Z', '2')) % 23);

/** A valid Brazilian CPF. */
export const cpf = (r: Random): string => {
  const digit = (digits: string): number => {
    const sum = [...digits].reduce((total, character, i) => total + Number(character) * (digits.length + 1 - i), 0);
    return sum % 11 < 2 ? 0 : 11 - (sum % 11);
  };
  const nine = r.text(DIGITS, 7) + r.pick(['01', '12', '34', '90']);
  const ten = nine + digit(nine);
  return ten + digit(ten);
};

/** The check digit of a PESEL's first ten digits. */
export const peselDigit = (ten: string): number => {
  const sum = [...ten].reduce((total, digit, i) => total + Number(digit) * ([1, 3, 7, 9][i % 4] ?? 0), 0);
  return (10 - (sum % 10)) % 10;
};

const ODD = 'BAKPLCQDREVOSFTGUHMINJWZYX';

/** A valid Italian codice fiscale in upper case, one in four with letters in place of digits (omocodia). */
export const codiceFiscale = (r: Random): string => {
  const shape =
    r.text(UPPER, 6) +
    r.text(DIGITS, 2) +
    r.text('ABCDEHLMPRST', 1) +
    r.pick(['0', '1', '2', '4', '5', '6']) +
    r.text('123456789', 1) +
    r.text(UPPER, 1) +
    r.text(DIGITS, 3);
  const replaced =
    r.int(0, 3) === 0 ? shape.slice(0, 12) + shape.slice(12).replace(/\d/g, (digit) => 'LMNPQRSTUV'.charAt(Number(digit))) : shape;
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const character = replaced.charAt(i);
    const value = character >= 'A' ? UPPER.indexOf(character) : Number(character);
    // The odd table ranks each letter by the value its position stands for.
    sum += i % 2 === 0 ? ODD.indexOf(UPPER.charAt(value)) : value;
  }
  return replaced + UPPER.charAt(sum % 26);
};
