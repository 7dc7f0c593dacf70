/** The digit at `index` of a text of ASCII digits; `NaN` past its end. */
const digitAt = (digits: string, index: number): number => digits.charCodeAt(index) - 48;

const weightedSum = (digits: string, weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * digitAt(digits, index), 0);

/** Whether a text of digits carries a valid Luhn check digit (ISO/IEC 7812-1, annex B). */
export const isLuhn = (digits: string): boolean => {
  let sum = 0;
  for (let i = digits.length - 1, double = false; i >= 0; i--, double = !double) {
    const digit = digitAt(digits, i);
    const value = double ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
};

/** Whether an IBAN without spaces, in upper case, has the remainder 1 (ISO 13616, ISO/IEC 7064 MOD 97-10). */
export const isMod97 = (iban: string): boolean => {
  let remainder = 0;
  for (let i = 0; i < iban.length; i++) {
    const code = iban.charCodeAt((i + 4) % iban.length);
    const value = code >= 65 ? code - 55 : code - 48;
    remainder = (value > 9 ? remainder * 100 + value : remainder * 10 + value) % 97;
  }
  return remainder === 1;
};

const DIHEDRAL = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const PERMUTATION = ['0123456789', '1576283094', '5803796142', '8916043527', '9453126870', '4286573901', '2793806415', '7046913258'];

/** The Verhoeff state of a text of digits: 0 for a number with a valid check digit (dihedral group of order 10). */
export const verhoeff = (digits: string): number => {
  let state = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digitAt(digits, digits.length - 1 - i);
    state = Number(DIHEDRAL[state]?.[Number(PERMUTATION[i % 8]?.[digit])]);
  }
  return state;
};

/** Check digit of ISO/IEC 7064 MOD 11,10 over a text of digits, as the German tax id uses it. */
export const mod1110 = (digits: string): number => {
  let product = 10;
  for (let i = 0; i < digits.length; i++) {
    const sum = (digitAt(digits, i) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10;
};

/** Whether eleven digits are a Brazilian CPF: two check digits modulo 11, not all digits alike. */
export const isCpf = (digits: string): boolean => {
  if (/^(\d)\1{10}$/.test(digits)) return false;
  const check = (weights: readonly number[]) => ((weightedSum(digits, weights) * 10) % 11) % 10;
  return check([10, 9, 8, 7, 6, 5, 4, 3, 2]) === digitAt(digits, 9) && check([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) === digitAt(digits, 10);
};

/** Whether six digits are a day as `YYMMDD`; `monthStep` is what a century adds to the month, `dayStep` what a number kind adds to the day. */
const isDay = (digits: string, monthStep = 100, dayStep = 100): boolean => {
  const month = Number(digits.slice(2, 4)) % monthStep;
  const day = Number(digits.slice(4, 6)) % dayStep;
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
};

/** Whether eleven digits are a Polish PESEL: a date whose month carries the century, and a weighted check digit. */
export const isPesel = (digits: string): boolean =>
  isDay(digits, 20) && (10 - (weightedSum(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 === digitAt(digits, 10);

/** Whether ten or twelve digits are a Swedish personnummer or samordningsnummer (day plus 60): a date and a Luhn digit over the last ten. */
export const isPersonnummer = (digits: string): boolean => {
  const ten = digits.slice(-10);
  return (digits.length === 10 || /^(?:19|20)/.test(digits)) && isDay(ten, 100, 60) && isLuhn(ten);
};

/** Whether eight or nine digits pass the Dutch eleven-test of the BSN. */
export const isBsn = (digits: string): boolean => {
  const nine = digits.padStart(9, '0');
  return nine !== '000000000' && weightedSum(nine, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
};

/** Whether eleven digits are a German tax id: among the first ten one digit stands two or three times and no other twice; MOD 11,10. */
export const isSteuerId = (digits: string): boolean => {
  if (digits.startsWith('0')) return false;
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10; i++) counts[digitAt(digits, i)] = (counts[digitAt(digits, i)] ?? 0) + 1;
  const repeated = counts.filter((count) => count > 1);
  return repeated.length === 1 && (repeated[0] ?? 0) <= 3 && mod1110(digits.slice(0, 10)) === digitAt(digits, 10);
};

/** Whether nine digits lie in the ranges the US Social Security Administration has issued or may issue. */
export const isSsn = (digits: string): boolean =>
  !/^(?:000|666|9)/.test(digits) && digits.slice(3, 5) !== '00' && digits.slice(5) !== '0000';

/** Whether twelve digits are an Indian Aadhaar number: first digit from 2, Verhoeff check digit. */
export const isAadhaar = (digits: string): boolean => digits.charCodeAt(0) >= 50 && verhoeff(digits) === 0;

/** Whether fifteen digits are a French NIR with its key; departments 2A and 2B arrive replaced by 19 and 18 (INSEE). */
export const isNir = (digits: string): boolean =>
  /^[1-478]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)/.test(digits) && 97 - (Number(digits.slice(0, 13)) % 97) === Number(digits.slice(13));

const CONTROL_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';

/** Whether a Spanish DNI or NIE in upper case without separators has the right letter; X, Y, Z of a NIE count as 0, 1, 2. */
export const isDni = (id: string): boolean => {
  const digits = id.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return CONTROL_LETTERS[Number(digits) % 23] === id.at(-1);
};

const ODD_VALUES = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/** The control letter of the first fifteen characters of an Italian codice fiscale in upper case (decree of 23 December 1976). */
export const codiceFiscaleLetter = (first15: string): string => {
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const code = first15.charCodeAt(i);
    const value = code >= 65 ? code - 65 : code - 48;
    sum += i % 2 === 0 ? (ODD_VALUES[value] ?? 0) : value;
  }
  return String.fromCharCode(65 + (sum % 26));
};
