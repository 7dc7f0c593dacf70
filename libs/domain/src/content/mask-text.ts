import { builtInDetector } from './built-in-detector.js';
import {
  CONTENT_LABELS,
  type ContentDetector,
  type ContentLabel,
  type Finding,
  maskOf,
  type TextContext,
} from './content-detector.port.js';

/** What became of one text: `found` in the text as given, and `masked` over all passes. */
export interface MaskedText {
  readonly text: string;
  readonly found: readonly Finding[];
  readonly masked: readonly Finding[];
}

// What a mask leaves beside it may read differently than before, so the text is looked at until nothing is found; few texts need two looks.
const PASSES_MAX = 4;

const NUMBER = /^-?\d+$/;
const QUOTE_LOOKBACK_CHARS = 256;

/** The quote to put round a mask that stands where JSON in a text had a number; empty elsewhere. Keeps JSON in a text parseable. */
const quoteFor = (text: string, { start, end }: Finding): string => {
  if (!/^\s*[{[]/.test(text.slice(0, 64)) || !NUMBER.test(text.slice(start, end))) return '';
  if (!/[:[,]\s*-?$/.test(text.slice(Math.max(0, start - 16), start)) || !/^\s*[,}\]]/.test(text.slice(end, end + 16))) return '';
  const quote = /(\\*)"[^"]*$/.exec(text.slice(Math.max(0, start - QUOTE_LOOKBACK_CHARS), start));
  return `${quote?.[1] ?? ''}"`;
};

const replace = (text: string, findings: readonly Finding[]): string => {
  let masked = '';
  let from = 0;
  for (const finding of findings) {
    const quote = quoteFor(text, finding);
    masked += text.slice(from, finding.start) + quote + maskOf(finding.label) + quote;
    from = finding.end;
  }
  return masked + text.slice(from);
};

/**
 * Replaces each finding whose label is to be masked by the label in brackets. Masking the outcome again changes nothing. A text that still
 * shows something after four passes becomes one mask as a whole.
 */
export const maskFindings = (
  detector: ContentDetector,
  text: string,
  shouldMask: (label: ContentLabel) => boolean,
  context?: TextContext,
): MaskedText => {
  const found = detector.detect(text, context);
  if (found.length === 0) return { text, found, masked: found };
  const masked: Finding[] = [];
  let current = text;
  let findings = found;
  for (let pass = 0; pass <= PASSES_MAX; pass++) {
    const due = findings.filter((finding) => shouldMask(finding.label));
    const [first] = due;
    if (first === undefined) break;
    masked.push(...due);
    current = pass === PASSES_MAX ? maskOf(first.label) : replace(current, due);
    findings = detector.detect(current, context);
  }
  return { text: current, found, masked };
};

const MASK = new RegExp(`\\[(?:${CONTENT_LABELS.map((label) => label.replace('.', '\\.')).join('|')})\\]`);

/** Whether the text holds a mask that `maskOf` wrote. */
export const holdsMask = (text: string): boolean => MASK.test(text);

/** Masks everything the detector finds in an error text or a log line. Never throws; the same text comes back when nothing is found. */
export const maskText = (text: string, detector: ContentDetector = builtInDetector): string =>
  maskFindings(detector, text, () => true).text;
