import { z } from 'zod';
import { SERVICES } from '../topics.js';
import { Instant, ServerName } from '../values.js';

const Count = z.number().int().nonnegative();

/** How far behind one group of a service is: over all partitions of a topic. Counts alone, of every tenant together. */
export const GroupLag = z.object({
  group: z.string(),
  topic: z.string(),
  partitions: Count,
  /** At most so many records are not handled yet; positions have gaps, which count. */
  behind: Count,
  /** When a position moved last. `null` before the first time. */
  movedAt: Instant.nullable(),
});
export type GroupLag = z.infer<typeof GroupLag>;

/** Answer of `GET /v1/<service>/status`: the same shape from each service, asked of one of its processes. */
export const ServiceStatus = z.object({
  service: z.enum(SERVICES),
  version: z.string(),
  node: z.string(),
  startedAt: Instant,
  status: z.enum(['ready', 'not-ready', 'draining']),
  /** By the name of the check; a process that several services share tells all of theirs. */
  checks: z.record(z.string(), z.enum(['ok', 'failing'])),
  /** Pieces of work that the process is at. */
  inFlight: Count,
  /** Processes of the service that are connected to its database now. */
  replicas: Count,
  lag: z.array(GroupLag),
  deadLetters: z.object({
    /** Records the service ever put aside, as far as the log reaches. */
    records: Count,
    /** Chains that stand still because of one, until somebody resolves them. */
    heldChains: Count,
  }),
  /**
   * The configuration in force, by key: numbers, switches and words from a fixed list. Every other text is told only as `set`, so that no secret,
   * address or name can be among them; what belongs to tenants is left out.
   */
  configuration: z.array(z.object({ key: z.string(), value: z.union([z.number(), z.boolean(), z.string()]) })),
});
export type ServiceStatus = z.infer<typeof ServiceStatus>;

/** One server behind the gateway, as the process that answers sees it. */
export const UpstreamHealth = z.object({
  server: ServerName,
  transport: z.enum(['http', 'stdio']),
  /** The breaker: `closed` lets calls through, `open` refuses them, `half-open` tries one. */
  circuit: z.enum(['closed', 'half-open', 'open']),
  connectTimeoutMs: Count,
  answerTimeoutMs: Count,
});
export type UpstreamHealth = z.infer<typeof UpstreamHealth>;

/** Answer of `GET /v1/upstreams`: those of the tenant, by name. */
export const UpstreamsHealth = z.object({ upstreams: z.array(UpstreamHealth) });
export type UpstreamsHealth = z.infer<typeof UpstreamsHealth>;
