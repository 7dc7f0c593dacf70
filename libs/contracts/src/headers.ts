/** HTTP headers of ours. Names are fixed once: clients, hooks and proxies depend on them. */
export const HTTP_HEADERS = {
  callId: 'Sallyport-Call-Id',
  model: 'Sallyport-Model',
  prompt: 'Sallyport-Prompt',
  intent: 'Sallyport-Intent',
  workflow: 'Sallyport-Workflow',
  plan: 'Sallyport-Plan',
  idempotencyKey: 'Idempotency-Key',
  csrf: 'Sallyport-Csrf',
} as const;

/** `_meta` keys of ours in MCP requests and results. */
export const META_KEYS = {
  callId: 'io.sallyport/call-id',
  model: 'io.sallyport/model',
  prompt: 'io.sallyport/prompt',
  intent: 'io.sallyport/intent',
  workflow: 'io.sallyport/workflow',
  plan: 'io.sallyport/plan',
  idempotencyKey: 'io.sallyport/idempotency-key',
  approval: 'io.sallyport/approval',
  error: 'io.sallyport/error',
} as const;

/** JWT claims of ours. */
export const JWT_CLAIMS = {
  tenant: 'sallyport_tenant',
  workflow: 'sallyport_workflow',
  mode: 'sallyport_mode',
  environment: 'sallyport_environment',
} as const;

/** Headers of a record on the log, beside the CloudEvents attributes (`ce_*`). */
export const RECORD_HEADERS = {
  traceparent: 'traceparent',
  /** The edge instance an answer is for: others drop it before parsing. */
  edgeId: 'edge-id',
  contentType: 'content-type',
} as const;
