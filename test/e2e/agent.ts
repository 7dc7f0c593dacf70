import { randomBytes } from 'node:crypto';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { META_KEYS } from '@sallyport/contracts';
import { z } from 'zod';

/** What an agent got for a call. */
export interface Answer {
  readonly isError: boolean;
  /** The texts of its content, a line each. */
  readonly text: string;
  /** The error code the gateway put into `_meta`; `null` where it put none. */
  readonly code: string | null;
  readonly structured: unknown;
  readonly traceId: string;
  /** The span that the agent named as the parent. */
  readonly spanId: string;
  readonly waitedMs: number;
  /** Everything, as JSON text. */
  readonly raw: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly traceId?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
  onProgress?(progress: number): void;
}

const Result = z.looseObject({
  isError: z.boolean().optional(),
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })).default([]),
  structuredContent: z.unknown().optional(),
  _meta: z.looseObject({ [META_KEYS.error]: z.looseObject({ code: z.string() }).optional() }).optional(),
});

const ProtocolRefusal = z.looseObject({
  message: z.string(),
  data: z.looseObject({ [META_KEYS.error]: z.looseObject({ code: z.string() }) }),
});

/** An error that the gateway answers in the protocol's way (a tool that is not there), as a result; anything else stays an error. */
const resultOfRefusal = (error: unknown): unknown => {
  const refusal = ProtocolRefusal.safeParse(error);
  if (!refusal.success) throw error;
  const { message, data } = refusal.data;
  return { isError: true, content: [{ type: 'text', text: message }], _meta: data };
};

const RestRefusal = z.looseObject({ code: z.string(), summary: z.string() });
const RestMenu = z.object({ tools: z.array(z.looseObject({ tool: z.string() })) });

/** A trace that a test begins. */
export const aTrace = (): { readonly traceId: string; readonly spanId: string } => ({
  traceId: randomBytes(16).toString('hex'),
  spanId: randomBytes(8).toString('hex'),
});

interface Connection {
  call(
    params: { name: string; arguments: Record<string, unknown>; _meta: Record<string, unknown> },
    options: { signal?: AbortSignal; timeout: number; onprogress?: (progress: { progress: number }) => void },
  ): Promise<unknown>;
  list(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** An agent: an official SDK client with a token, that begins a trace of its own for every call. */
export class Agent {
  private constructor(private readonly connection: Connection) {}

  /** The SDK of today (v2), speaking 2026-07-28; `over` carries its requests where it is not the global `fetch`. */
  static async modern(url: string, token: string, over: typeof fetch = fetch): Promise<Agent> {
    const client = new Client(
      { name: 'story-agent', version: '2.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } }, defaultCacheTtlMs: 0 },
    );
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } }, fetch: over }),
    );
    return new Agent({
      call: (params, options) => client.callTool(params, options),
      list: async () => (await client.listTools()).tools.map((tool) => tool.name),
      close: () => client.close(),
    });
  }

  /** The SDK that most agents still carry (v1), speaking 2025-11-25. */
  static async legacy(url: string, token: string): Promise<Agent> {
    const client = new LegacyClient({ name: 'story-agent', version: '1.0.0' });
    await client.connect(new LegacyTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
    return new Agent({
      call: (params, options) => client.callTool(params, CallToolResultSchema, options),
      list: async () => (await client.listTools()).tools.map((tool) => tool.name),
      close: () => client.close(),
    });
  }

  /** Plain HTTP: `POST /v1/invoke` on the tools of one server. A refusal is told as the SDK clients get it. */
  static async rest(gatewayUrl: string, server: string, token: string): Promise<Agent> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return new Agent({
      call: async (params, { signal, timeout }) => {
        const response = await fetch(`${gatewayUrl}/v1/invoke`, {
          method: 'POST',
          headers: { ...headers, traceparent: String(params._meta.traceparent) },
          body: JSON.stringify({ tool: `${server}/${params.name}`, arguments: params.arguments }),
          signal: AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])]),
        });
        const body: unknown = await response.json();
        if (response.status === 200) return body;
        const { code, summary } = RestRefusal.parse(body);
        return { isError: true, content: [{ type: 'text', text: summary }], _meta: { [META_KEYS.error]: { code } } };
      },
      list: async () => {
        const response = await fetch(`${gatewayUrl}/v1/tools`, { headers });
        return RestMenu.parse(await response.json()).tools.map(({ tool }) => tool.slice(server.length + 1));
      },
      close: async () => undefined,
    });
  }

  async call(tool: string, args: Record<string, unknown> = {}, options: CallOptions = {}): Promise<Answer> {
    const { traceId, spanId } = { ...aTrace(), ...(options.traceId === undefined ? {} : { traceId: options.traceId }) };
    const startedAt = performance.now();
    const { onProgress } = options;
    const answer = await this.connection
      .call(
        { name: tool, arguments: args, _meta: { ...options.meta, traceparent: `00-${traceId}-${spanId}-01` } },
        {
          timeout: options.timeoutMs ?? 30_000,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
        },
      )
      .catch(resultOfRefusal);
    const result = Result.parse(answer);
    return {
      isError: result.isError ?? false,
      text: result.content.map((part) => part.text ?? '').join('\n'),
      code: result._meta?.[META_KEYS.error]?.code ?? null,
      structured: result.structuredContent,
      traceId,
      spanId,
      waitedMs: performance.now() - startedAt,
      raw: JSON.stringify(result),
    };
  }

  list(): Promise<readonly string[]> {
    return this.connection.list();
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}
