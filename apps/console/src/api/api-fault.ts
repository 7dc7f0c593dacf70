import { ERRORS, isErrorCode } from '@sallyport/contracts';
import { z } from 'zod';

/**
 * What kind of answer a fault is, which decides how it is shown: `offline` (nothing answered), `signed-out`, `no-permission`, `not-found`,
 * `refused` (the request, for a reason that the code names) or `broken` (theirs, or an answer that is none of ours).
 */
export type ApiFaultKind = 'offline' | 'signed-out' | 'no-permission' | 'not-found' | 'refused' | 'broken';

/** The error bodies of the product, read leniently: a code that this build does not know is shown all the same. */
const Body = z.object({
  code: z.string(),
  summary: z.string(),
  detail: z.record(z.string(), z.unknown()).default({}),
  callId: z.string().nullable().default(null),
  retryable: z.boolean().default(false),
  docs: z.string().nullable().default(null),
});

/** Why a request to the product came to nothing: its code, what is said of it, and where its page is. */
export class ApiFault extends Error {
  readonly kind: ApiFaultKind;
  readonly code: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly callId: string | null;
  readonly retryable: boolean;
  readonly docs: string | null;

  constructor(kind: ApiFaultKind, body: z.infer<typeof Body>, cause?: unknown) {
    super(body.summary, cause === undefined ? undefined : { cause });
    this.name = 'ApiFault';
    this.kind = kind;
    this.code = body.code;
    this.detail = body.detail;
    this.callId = body.callId;
    this.retryable = body.retryable;
    this.docs = body.docs !== null && /^https:\/\//.test(body.docs) ? body.docs : null;
  }
}

const bodyOf = (code: string, summary: string, retryable: boolean): z.infer<typeof Body> => ({
  code,
  summary,
  detail: {},
  callId: null,
  retryable,
  docs: null,
});

/** Nothing answered: no network, no server, or a connection that broke. */
export const offlineFault = (cause: unknown): ApiFault =>
  new ApiFault(
    'offline',
    bodyOf('console.offline', 'Nothing answered. Whatever was being changed may or may not have happened.', true),
    cause,
  );

/** An answer that does not have the form that was agreed: another version, or something between the console and the product. */
export const malformedFault = (cause: unknown): ApiFault =>
  new ApiFault(
    'broken',
    bodyOf('console.answer-malformed', 'The answer has another form than this console knows. Reload the page.', false),
    cause,
  );

const kindOf = (status: number): ApiFaultKind => {
  if (status === 401) return 'signed-out';
  if (status === 403) return 'no-permission';
  if (status === 404) return 'not-found';
  return status >= 500 ? 'broken' : 'refused';
};

/** The refusals with status 403 that are no lack of permission, but an answer about the thing itself. */
const ABOUT_THE_THING = /^(approval|policy|budget|chain|control|catalog)\./;

/** The fault that an answer with a status of 400 and more is. */
export const faultOfAnswer = async (response: Response): Promise<ApiFault> => {
  const body = Body.safeParse(await response.json().catch(() => undefined));
  const kind = kindOf(response.status);
  if (!body.success)
    return new ApiFault(
      kind,
      bodyOf(`http.${response.status}`, `The answer was ${response.status} ${response.statusText}.`, kind === 'broken'),
    );
  const { code } = body.data;
  return new ApiFault(kind === 'no-permission' && ABOUT_THE_THING.test(code) ? 'refused' : kind, body.data);
};

/** What the registry says of a code, in words; the code itself where it says nothing. */
export const summaryOfCode = (code: string): string => (isErrorCode(code) ? ERRORS[code].summary : code);
