import { z } from 'zod';
import { isSafeOnTheWay, milliseconds, type Values } from '../values.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Where a client on the same machine reaches the gateway. */
const localAddressOf = ({ host, port }: { readonly host: string; readonly port: number }): string => {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
};

/** `gateway`: the door that agents knock at. */
export const gatewaySchema = ({ httpAddress, path }: Values) =>
  z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for every interface. Variable: SALLYPORT_HOST.'),
      port: z.int().min(0).max(65_535).default(8080).describe('Port to listen on. Variable: SALLYPORT_PORT.'),
      publicUrl: httpAddress()
        .optional()
        .describe(
          'Where clients reach the gateway: audience of tokens, issuer of upstream tokens, base of resource identifiers. Without it: host and port. Variable: SALLYPORT_PUBLIC_URL.',
        )
        .meta({ example: 'https://gateway.example.com' }),
      jwksUrl: httpAddress()
        .optional()
        .describe(
          'Where services that run by themselves fetch the keys of console sessions from the gateway. Without it: `/.well-known/jwks.json` below the public URL.',
        )
        .meta({ example: 'https://edge-gateway.internal:8443/.well-known/jwks.json' }),
      allowInsecureJwks: z
        .boolean()
        .default(false)
        .describe(
          'Allows http:// to another machine in `jwksUrl`. Whoever can answer there in place of the gateway is then whom they like in the console: for a network that the services have to themselves.',
        ),
      instanceId: z
        .string()
        .regex(/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/, 'must be lower-case letters, digits and dashes')
        .default('edge-1')
        .describe('Name of this instance: the same after a restart, another one for each replica. Variable: SALLYPORT_INSTANCE_ID.'),
      allowedHosts: z
        .array(z.string().min(1))
        .default([])
        .describe('Host headers that are served beside that of the public URL and the loopback names.'),
      allowedOrigins: z.array(z.url()).default([]).describe('Web origins that may call, beside that of the public URL.'),
      decisionTimeoutMs: milliseconds(100, 60_000).default(8_000).describe('How long the gateway waits for a decision before it refuses.'),
      callTtlMs: milliseconds(1_000, 600_000)
        .default(60_000)
        .describe('From the request until bytes go to the upstream; a call that is older is refused.'),
      approvalHoldMs: milliseconds(100, 50_000)
        .default(45_000)
        .describe(
          'How long a client is held while people are asked; clients give up at 60 s. After it the client comes back or sends the call again.',
        ),
      maxBodyBytes: z
        .int()
        .min(KIB)
        .max(64 * MIB)
        .default(MIB)
        .describe('Largest request body.'),
      maxArgumentBytes: z
        .int()
        .min(KIB)
        .max(256 * KIB)
        .default(256 * KIB)
        .describe('Largest arguments of a call.'),
      maxDepth: z.int().min(4).max(256).default(64).describe('Deepest nesting of a request body.'),
      maxArgumentDepth: z.int().min(2).max(256).default(32).describe('Deepest nesting of the arguments of a call.'),
      maxMembers: z.int().min(100).max(1_000_000).default(100_000).describe('Most members of all objects and arrays of a request body.'),
      maxAnswerBytes: z
        .int()
        .min(KIB)
        .max(256 * MIB)
        .default(16 * MIB)
        .describe('Largest answer of an upstream; a larger one is withheld.'),
      maxInFlightPerTenant: z
        .int()
        .min(1)
        .max(100_000)
        .default(512)
        .describe('Most calls of one tenant at once; one more is refused with 429.'),
      maxStreamsPerTenant: z.int().min(1).max(100_000).default(512).describe('Most open streams of one tenant at once.'),
      streamLifetimeMs: milliseconds(1_000, 86_400_000)
        .default(600_000)
        .describe('A stream is closed after this long, so that its next opening is decided anew.'),
      keepAliveMs: milliseconds(1_000, 120_000)
        .default(15_000)
        .describe('Silence on a stream after which a comment is sent, so that proxies keep it open.'),
      listTtlMs: milliseconds(0, 3_600_000).default(30_000).describe('How long a client may keep a list of tools.'),
      observeEveryMs: milliseconds(1_000, 86_400_000)
        .default(60_000)
        .describe('Time between two looks at what an upstream says its tools are.'),
      drainTimeoutMs: milliseconds(0, 600_000)
        .default(20_000)
        .describe('How long calls in flight may take to end when the process is told to stop.'),
      signingKeyFile: path()
        .prefault('.sallyport/keys/gateway-signing.jwk.json')
        .describe('Private key (Ed25519, JSON Web Key) that signs the tokens minted for upstreams; made with mode 0600 when missing.'),
    })
    .superRefine(({ jwksUrl, allowInsecureJwks, decisionTimeoutMs, callTtlMs, maxArgumentBytes, maxBodyBytes }, context) => {
      if (jwksUrl !== undefined && !allowInsecureJwks && !isSafeOnTheWay(jwksUrl))
        context.addIssue({ code: 'custom', path: ['jwksUrl'], message: 'must be https:// unless allowInsecureJwks is true' });
      if (decisionTimeoutMs >= callTtlMs)
        context.addIssue({
          code: 'custom',
          path: ['decisionTimeoutMs'],
          message: 'must be shorter than callTtlMs, or every late decision meets an expired call',
        });
      if (maxArgumentBytes > maxBodyBytes)
        context.addIssue({ code: 'custom', path: ['maxArgumentBytes'], message: 'must not exceed maxBodyBytes' });
    })
    .transform(({ publicUrl, ...gateway }) => ({ ...gateway, publicUrl: (publicUrl ?? localAddressOf(gateway)).replace(/\/+$/, '') }))
    .prefault({})
    .describe('The door that agents knock at.');
