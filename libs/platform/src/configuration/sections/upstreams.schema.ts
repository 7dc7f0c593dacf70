import { ServerName, TenantId } from '@sallyport/contracts';
import { z } from 'zod';
import { isSafeOnTheWay, milliseconds, reference, refuseRepeated, type Values } from '../values.js';

const VariableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');
/** Headers that the gateway sets itself; one from here would let a file forge an identity. */
const RESERVED_HEADER =
  /^(authorization|host|content-length|content-type|connection|transfer-encoding|mcp-.*|sallyport-.*|traceparent|tracestate)$/i;

const httpTransport = ({ httpAddress, secret }: Values) =>
  z
    .strictObject({
      kind: z.literal('http').describe('The upstream speaks streamable HTTP.'),
      url: httpAddress().describe('Address of its MCP endpoint.').meta({ example: 'https://mcp.example.com/mcp' }),
      allowInsecure: z.boolean().default(false).describe('Allows http:// to another machine. Tokens and data then travel in the clear.'),
      headers: z
        .record(z.string().regex(/^[A-Za-z0-9-]+$/), secret())
        .default({})
        .describe('Headers sent with every request, e.g. an API key from a variable.')
        .meta({ example: { 'X-Api-Key': reference('UPSTREAM_API_KEY') } }),
    })
    .superRefine(({ url, allowInsecure, headers }, context) => {
      if (!allowInsecure && !isSafeOnTheWay(url)) {
        context.addIssue({ code: 'custom', path: ['url'], message: 'must be https:// unless allowInsecure is true' });
      }
      for (const name of Object.keys(headers)) {
        if (RESERVED_HEADER.test(name))
          context.addIssue({ code: 'custom', path: ['headers', name], message: 'is set by the gateway itself' });
      }
    });

const stdioTransport = ({ secret, path }: Values) =>
  z.strictObject({
    kind: z.literal('stdio').describe('The upstream is a child process of the stdio host.'),
    command: z.string().min(1).describe('Program to run; no shell reads it.').meta({ example: 'npx' }),
    args: z
      .array(z.string())
      .default([])
      .describe('Its arguments.')
      .meta({ example: ['--no-install', 'mcp-server-filesystem', '.'] }),
    env: z
      .record(VariableName, secret())
      .default({})
      .describe('The whole environment of the child beside PATH, HOME and LANG.')
      .meta({ example: { NODE_ENV: 'production' } }),
    cwd: path()
      .optional()
      .describe('Its own folder, working folder and HOME; made when missing. Without it: a folder of its own under .sallyport.')
      .meta({ example: 'sandbox' }),
    maxMemoryMib: z.int().min(32).max(65_536).default(512).describe('Memory after which the child is restarted.'),
    startTimeoutMs: milliseconds(500, 300_000).default(30_000).describe('How long it may take until it answers the first time.'),
  });

/** `upstreams`: the MCP servers behind the gateway. */
export const upstreamsSchema = (values: Values) =>
  z
    .array(
      z.strictObject({
        server: ServerName.describe('Name of the server in tool names, policies and records.').meta({ example: 'crm' }),
        tenant: TenantId.describe('Tenant whose agents may call it.').meta({ example: 'acme' }),
        transport: z.discriminatedUnion('kind', [httpTransport(values), stdioTransport(values)]).describe('How it is reached.'),
        connectTimeoutMs: milliseconds(50, 60_000).default(3_000).describe('How long a connection may take.'),
        answerTimeoutMs: milliseconds(100, 3_600_000).default(60_000).describe('How long it may take until the answer begins.'),
        idleStreamTimeoutMs: milliseconds(1_000, 3_600_000).default(120_000).describe('Longest silence inside an answer.'),
        maxConnections: z.int().min(1).max(1_024).default(64).describe('Most connections for calls.'),
        breaker: z
          .strictObject({
            failures: z.int().min(1).max(1_000).default(5).describe('Failures in a row after which it is left alone.'),
            openSeconds: z.int().min(1).max(3_600).default(10).describe('How long it is left alone before one call tries again.'),
          })
          .prefault({})
          .describe('When to stop calling a server that fails.'),
        token: z
          .strictObject({
            audience: z
              .string()
              .min(1)
              .max(2048)
              .optional()
              .describe('The `aud` of the tokens minted for it. Without it: its address, or its name.')
              .meta({ example: 'https://mcp.example.com/mcp' }),
            lifetimeSeconds: z.int().min(5).max(60).default(60).describe('How long such a token is valid.'),
          })
          .prefault({})
          .describe('The token minted for each attempt. The token of the agent never travels on.'),
      }),
    )
    .superRefine((upstreams, context) => refuseRepeated(upstreams, ({ tenant, server }) => `${server} of ${tenant}`, 'server', context))
    .default([])
    .describe('The MCP servers behind the gateway. No other address is ever called.');

/** `stdioHost`: who owns the child processes of stdio upstreams. */
export const stdioHostSchema = ({ httpAddress, secret }: Values) =>
  z
    .strictObject({
      url: httpAddress()
        .optional()
        .describe(
          'Address of a stdio host that runs as a process of its own (`sallyport stdio-host`). Without it, the embedded default runs one itself. Variable: SALLYPORT_STDIO_HOST_URL.',
        )
        .meta({ example: 'http://127.0.0.1:8090' }),
      host: z.string().min(1).default('127.0.0.1').describe('Address that process listens on.'),
      port: z.int().min(0).max(65_535).default(8090).describe('Port that process listens on; the embedded one takes a free port.'),
      secret: secret()
        .optional()
        .describe('Shared by gateway and stdio host, at least 32 characters. Variable: SALLYPORT_STDIO_HOST_SECRET.')
        .meta({ example: reference('SALLYPORT_STDIO_HOST_SECRET') }),
    })
    .superRefine(({ url, secret: shared }, context) => {
      if (url !== undefined && (shared?.length ?? 0) < 32)
        context.addIssue({ code: 'custom', path: ['secret'], message: 'must have at least 32 characters when url is set' });
    })
    .prefault({})
    .describe('Who owns the child processes of stdio upstreams.');
