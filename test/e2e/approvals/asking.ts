import { META_KEYS } from '@sallyport/contracts';
import { z } from 'zod';
import { ADA, type Asker, type Surroundings } from './surroundings.js';

/** What somebody without an SDK got for a call. */
export interface Reply {
  readonly status: number;
  readonly callId: string | null;
  /** `done`: the tool answered. */
  readonly code: string;
  /** The approval that the call waits for, where it does. */
  readonly approvalId: string | null;
  /** What to come back with, where that was given. */
  readonly requestState: string | null;
  readonly text: string;
}

interface Arguments {
  readonly [name: string]: unknown;
}

const RestBody = z.looseObject({
  callId: z.string().nullable(),
  code: z.string().default('done'),
  detail: z.looseObject({ approvalId: z.string().optional() }).default({}),
});

/** Calls a tool over REST. */
export const askByRest = async (
  { cluster }: Surroundings,
  args: Arguments,
  options: { readonly tool?: string; readonly asker?: Asker; readonly edge?: string; readonly key?: string } = {},
): Promise<Reply> => {
  const { tool = 'transfer', asker = ADA, edge = cluster.gatewayUrl, key } = options;
  const headers = {
    authorization: `Bearer ${await cluster.token(asker)}`,
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const body = JSON.stringify({ tool: `story/${tool}`, arguments: args });
  const { status, text } = await cluster.fetchRaw('/v1/invoke', { method: 'POST', headers, body }, { base: edge });
  const { callId, code, detail } = RestBody.parse(JSON.parse(text));
  return { status, callId, code, approvalId: detail.approvalId ?? null, requestState: null, text };
};

const Told = z.looseObject({
  [META_KEYS.callId]: z.string().optional(),
  [META_KEYS.error]: z.looseObject({ code: z.string(), callId: z.string().nullish() }).optional(),
  [META_KEYS.approval]: z.looseObject({ approvalId: z.string() }).optional(),
});
const ModernBody = z.looseObject({
  result: z.looseObject({ resultType: z.string().optional(), requestState: z.string().optional(), _meta: Told.optional() }).optional(),
  error: z.looseObject({ data: Told.optional() }).optional(),
});

/** One leg of a call of MCP 2026-07-28, without the SDK that would come back by itself. `returning`: what is put into its params. */
export const askByModern = async (
  { cluster }: Surroundings,
  args: Arguments,
  options: {
    readonly asker?: Asker;
    readonly edge?: string;
    readonly tool?: string;
    readonly returning?: Readonly<Record<string, unknown>>;
    readonly meta?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<Reply> => {
  const { asker = ADA, edge = cluster.gatewayUrl, tool = 'transfer', returning = {}, meta = {} } = options;
  const headers = {
    authorization: `Bearer ${await cluster.token(asker)}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  };
  const envelope = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const params = { name: tool, arguments: args, ...returning, _meta: { ...envelope, ...meta } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const { status, text, headers: told } = await cluster.fetchRaw('/mcp/story', { method: 'POST', headers, body }, { base: edge });
  const { result, error } = ModernBody.parse(messageOf(text));
  const said = result?._meta ?? error?.data ?? {};
  return {
    status,
    callId: told.get('sallyport-call-id') ?? said[META_KEYS.callId] ?? null,
    code: said[META_KEYS.error]?.code ?? (said[META_KEYS.approval] === undefined ? 'done' : 'approval.required'),
    approvalId: said[META_KEYS.approval]?.approvalId ?? null,
    requestState: result?.requestState ?? null,
    text,
  };
};

/** The one message of an answer, whether it came as JSON or as an event. */
const messageOf = (text: string): unknown => {
  const event = text.split('\n').findLast((line) => line.startsWith('data: {'));
  return JSON.parse(event === undefined ? text : event.slice('data: '.length));
};

const ATTEMPTS = 3;

/**
 * Sends a call that was granted. Where the machine is so busy that the decision is older than a second before bytes can go out, nothing is sent
 * and the grant is gone with it; then somebody agrees anew.
 */
export const carriedOut = async ({ desk }: Surroundings, ask: () => Promise<Reply>, person = 'grace'): Promise<Reply> => {
  for (let attempt = 1; ; attempt++) {
    const reply = await ask();
    if (reply.code !== 'policy.unavailable' || attempt === ATTEMPTS) return reply;
    const { approvalId } = await ask();
    if (approvalId !== null) await desk.grant(approvalId, person);
  }
};
