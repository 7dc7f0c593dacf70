/** What every transport needs to know of an error. Codes are public API; texts are not. */
export interface ErrorDefinition {
  /** HTTP status where the error ends an HTTP request. */
  readonly http: number;
  /** JSON-RPC code where the error is a protocol answer; ours lie outside -32768..-32000 (MCP 2026-07-28, error codes). */
  readonly rpc: number;
  /** Whether the same request may succeed later without a change by anybody. */
  readonly retryable: boolean;
  /** What the agent reads: what happened and whether anything moved. */
  readonly summary: string;
}

/** Every error there is: a closed union, one page each under `docs/errors/`. */
export const ERRORS = {
  'approval.already-answered': {
    http: 409,
    rpc: -31409,
    retryable: false,
    summary: 'This request for approval was answered before; the first answer stands.',
  },
  'approval.changed': {
    http: 409,
    rpc: -31409,
    retryable: false,
    summary: 'Somebody else agreed since this was looked at. Your answer was not taken; look again, then answer.',
  },
  'approval.expired': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'Nobody agreed to this call in time, and silence is a no. Nothing was sent to the tool.',
  },
  'approval.mismatch': {
    http: 409,
    rpc: -31409,
    retryable: false,
    summary: 'What was looked at is not what was asked for: parameters or tool definition differ. Nothing was agreed to.',
  },
  'approval.rejected': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'A person said no to this call. Nothing was sent to the tool.',
  },
  'approval.required': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'A person must agree to this call first. Nothing was sent to the tool.',
  },
  'approval.self-approval': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'Who asks may not agree: neither the person nor an agent of the call may answer for it.',
  },
  'approval.unavailable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'Nobody could be asked to agree to this call, so the answer is no. Nothing was sent to the tool.',
  },
  'approval.withdrawn': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'The request for approval was taken back before it was used. Nothing was sent to the tool.',
  },
  'budget.exhausted': {
    http: 402,
    rpc: -31402,
    retryable: false,
    summary: 'A budget of this call is spent. Nothing was sent to the tool and nothing was charged.',
  },
  'budget.rate-limited': {
    http: 429,
    rpc: -31429,
    retryable: true,
    summary: 'A budget of this call has no more calls in its window. Nothing was sent to the tool and nothing was charged.',
  },
  'budget.unattributable': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'Nobody can be charged for this call: its cost or its payer is not known. Nothing was sent to the tool.',
  },
  'budget.unavailable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'No answer about the budget came in time, so the answer is no. Nothing was sent to the tool and nothing stays held.',
  },
  'call.cancelled': { http: 499, rpc: -31499, retryable: true, summary: 'The client hung up before the answer.' },
  'call.deadline-passed': {
    http: 504,
    rpc: -31504,
    retryable: true,
    summary: 'The deadline of the call passed before it was dispatched. Nothing was sent to the tool.',
  },
  'call.ended': {
    http: 409,
    rpc: -31409,
    retryable: false,
    summary: 'This call has ended already. Nothing was sent to the tool now; send it as a new call if it is still wanted.',
  },
  'call.in-doubt': {
    http: 409,
    rpc: -31409,
    retryable: false,
    summary: 'The call was sent and its outcome is unknown. It may have taken effect.',
  },
  'call.lost': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'The gateway that handled this call went away before its answer was on record. What was asked for changes nothing.',
  },
  'call.tenant-saturated': {
    http: 429,
    rpc: -31429,
    retryable: true,
    summary: 'The tenant has too many calls in flight. Nothing was sent to the tool.',
  },
  'catalog.not-callable': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'The tool is not open for calls: its catalog record is incomplete, held or retired. Nothing was sent to the tool.',
  },
  'chain.poisoned': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'An earlier event of this chain could not be handled; an operator must resolve it. Nothing was sent to the tool.',
  },
  'configuration.invalid': { http: 500, rpc: -31500, retryable: false, summary: 'The configuration has faults; nothing was started.' },
  'console.cross-site': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'The request did not come from a page of this console, so its session was not used. Nothing was changed.',
  },
  'console.login-failed': {
    http: 401,
    rpc: -31401,
    retryable: false,
    summary: 'A login to the console came to nothing. Nobody was logged in.',
  },
  'console.session-missing': {
    http: 401,
    rpc: -31401,
    retryable: false,
    summary: 'Nobody is logged in to the console here, or the session is over.',
  },
  'content.arguments-too-deep': {
    http: 400,
    rpc: -32602,
    retryable: false,
    summary: 'The arguments are nested too deeply. Nothing was sent to the tool.',
  },
  'content.arguments-too-large': {
    http: 413,
    rpc: -31413,
    retryable: false,
    summary: 'The arguments are larger than 256 KiB. Nothing was sent to the tool.',
  },
  'contract.invalid-event': { http: 500, rpc: -31500, retryable: false, summary: 'An event does not fit its schema.' },
  'contract.newer-event': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'An event was written by a newer release than this service can read. It waits until the service is brought up to date.',
  },
  'contract.unknown-event': { http: 500, rpc: -31500, retryable: false, summary: 'An event has a type or version that is not known here.' },
  'control.killed': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'An operator has stopped this tool, agent, person or tenant. Nothing was sent to the tool.',
  },
  'idempotency.mismatch': {
    http: 422,
    rpc: -31422,
    retryable: false,
    summary: 'This idempotency key was used with other parameters. Nothing was sent to the tool.',
  },
  'identity.forbidden': { http: 403, rpc: -31403, retryable: false, summary: 'The token does not allow this operation.' },
  'identity.keys-unavailable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'The keys of the token issuer cannot be had, so no token can be checked. Try again later.',
  },
  'identity.token-invalid': { http: 401, rpc: -31401, retryable: false, summary: 'The access token is not valid here.' },
  'identity.token-missing': { http: 401, rpc: -31401, retryable: false, summary: 'An access token is required.' },
  'internal.error': { http: 500, rpc: -31500, retryable: true, summary: 'Something failed inside the gateway; it is on record.' },
  'invoke.arguments-invalid': {
    http: 422,
    rpc: -32602,
    retryable: false,
    summary: 'The arguments do not fit the schema of the tool. Nothing was sent to the tool.',
  },
  'log.position-lost': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'Another consumer owns this partition now; the work was rolled back.',
  },
  'log.unavailable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'The record cannot be written, so nothing is allowed to happen. Try again later.',
  },
  'plan.unsupported': {
    http: 422,
    rpc: -31422,
    retryable: false,
    summary: 'A plan was asked for, and none is made of this request. It was not carried out either.',
  },
  'policy.denied': { http: 403, rpc: -31403, retryable: false, summary: 'No policy allows this. Nothing was sent to the tool.' },
  'policy.invalid': { http: 422, rpc: -31422, retryable: false, summary: 'The policy set has faults; the one in force was kept.' },
  'policy.unavailable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'No decision came in time, so the answer is no. Nothing was sent to the tool.',
  },
  'request.body-too-large': { http: 413, rpc: -31413, retryable: false, summary: 'The request body is too large.' },
  'request.envelope-invalid': {
    http: 400,
    rpc: -32602,
    retryable: false,
    summary: 'The request lacks a required field of `params._meta`, or the field is not well formed.',
  },
  'request.header-mismatch': {
    http: 400,
    rpc: -32020,
    retryable: false,
    summary: 'A header is missing or does not say what the body says.',
  },
  'request.headers-too-large': {
    http: 431,
    rpc: -31431,
    retryable: false,
    summary: 'The headers of the request are too large or too many.',
  },
  'request.host-refused': { http: 403, rpc: -31403, retryable: false, summary: 'The Host header names no address of this gateway.' },
  'request.invalid': { http: 400, rpc: -32600, retryable: false, summary: 'The request is not well formed.' },
  'request.method-not-allowed': { http: 405, rpc: -32600, retryable: false, summary: 'This HTTP method is not served here.' },
  'request.not-acceptable': {
    http: 406,
    rpc: -32600,
    retryable: false,
    summary: 'The client must accept application/json and text/event-stream.',
  },
  'request.not-found': { http: 404, rpc: -32601, retryable: false, summary: 'There is nothing at this address.' },
  'request.origin-refused': { http: 403, rpc: -31403, retryable: false, summary: 'Requests from this web origin are refused.' },
  'request.parse-error': { http: 400, rpc: -32700, retryable: false, summary: 'The request body is not JSON.' },
  'request.timeout': { http: 408, rpc: -31408, retryable: true, summary: 'The request took too long to arrive.' },
  'request.too-many-streams': {
    http: 429,
    rpc: -31429,
    retryable: true,
    summary: 'The tenant follows as many streams as it may at once. Nothing was decided or changed.',
  },
  'request.unknown-method': { http: 404, rpc: -32601, retryable: false, summary: 'The method is not known.' },
  'request.unsupported-media-type': { http: 415, rpc: -32600, retryable: false, summary: 'The request body must be application/json.' },
  'request.unsupported-version': { http: 400, rpc: -32022, retryable: false, summary: 'This protocol version is not spoken here.' },
  'result.not-retained': {
    http: 410,
    rpc: -31410,
    retryable: false,
    summary: 'The call of this idempotency key was made and answered, and the answer is not kept any more. It was not made again.',
  },
  'scope.insufficient': {
    http: 403,
    rpc: -31403,
    retryable: false,
    summary: 'The access token lacks a scope that this call needs. Nothing was sent to the tool.',
  },
  'sealing.open-failed': {
    http: 500,
    rpc: -31500,
    retryable: false,
    summary: 'A sealed value could not be opened: it was altered, or its key is gone.',
  },
  'session.unknown': { http: 404, rpc: -32600, retryable: false, summary: 'The session is not known; initialize again.' },
  'store.platform-unsupported': {
    http: 500,
    rpc: -31500,
    retryable: false,
    summary: 'No embedded PostgreSQL runs on this platform; set DATABASE_URL.',
  },
  'store.start-failed': { http: 500, rpc: -31500, retryable: false, summary: 'The embedded PostgreSQL did not start.' },
  'store.unavailable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'The database does not answer, so nothing is allowed to happen. Try again later.',
  },
  'stream.conflict': {
    http: 409,
    rpc: -31409,
    retryable: true,
    summary: 'Somebody else changed the same thing meanwhile; nothing was changed.',
  },
  'tool.unknown': { http: 404, rpc: -32602, retryable: false, summary: 'There is no such tool for you.' },
  'upstream.answer-invalid': {
    http: 502,
    rpc: -31502,
    retryable: false,
    summary: 'The tool answered in a way that cannot be inspected; the answer was withheld. It may have taken effect.',
  },
  'upstream.answer-too-large': {
    http: 502,
    rpc: -31502,
    retryable: false,
    summary: 'The answer of the tool is too large; it was withheld. The call may have taken effect.',
  },
  'upstream.circuit-open': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'The tool server failed repeatedly and is given a rest. Nothing was sent to the tool.',
  },
  'upstream.failed': {
    http: 502,
    rpc: -31502,
    retryable: false,
    summary: 'The connection to the tool server broke during the call. It may have taken effect.',
  },
  'upstream.timeout': { http: 504, rpc: -31504, retryable: false, summary: 'The tool did not answer in time. It may have taken effect.' },
  'upstream.unreachable': {
    http: 503,
    rpc: -31503,
    retryable: true,
    summary: 'The tool server cannot be reached. Nothing was sent to the tool.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** The code under which failed logins of people are among the requests that were turned away. */
export const LOGIN_FAILED = 'console.login-failed' satisfies ErrorCode;

/** Whether a text is a code of the registry. */
export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);
