/**
 * Every kind of content the gateway tells apart, from the most to the least severe.
 * Labels are public: policies, obligations and records name them.
 */
export const CONTENT_LABELS = [
  'secret.private-key',
  'secret.provider-key',
  'secret.jwt',
  'pii.iban',
  'pii.card',
  'pii.national-id',
  'pii.email',
  'pii.phone',
] as const;

/** One kind of content, as policies and records name it. */
export type ContentLabel = (typeof CONTENT_LABELS)[number];

/** One stretch of a text that must not be shown. `start` and `end` are UTF-16 offsets into the text as given, `end` exclusive. */
export interface Finding {
  readonly label: ContentLabel;
  /** The rule that fired, for example `aws-access-key-id` or `us-ssn`. */
  readonly detector: string;
  readonly start: number;
  readonly end: number;
}

/** What is known of a text from where it stands. */
export interface TextContext {
  /** The object key the text is the value of: `{"password": "x"}` says more than `x`. */
  readonly key?: string;
}

/**
 * Finds personal data and secrets in one text. The same port serves arguments on the way in and results, errors and
 * stream messages on the way out.
 *
 * Guarantees, held by `contentDetectorContract`: findings are sorted by `start` and never overlap or are empty; the answer depends on
 * the arguments alone; it never throws; a text written by `maskOf` is never a finding; the running time grows linearly with the text.
 */
export interface ContentDetector {
  detect(text: string, context?: TextContext): readonly Finding[];
}

/** The text that stands in for a masked value: the label in square brackets, for example `[pii.email]`. */
export const maskOf = (label: ContentLabel): string => `[${label}]`;
