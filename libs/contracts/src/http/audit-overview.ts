import { z } from 'zod';
import { Instant } from '../values.js';

/** How far the overview looks back; each is cut into at most 96 buckets of whole minutes. */
export const OVERVIEW_WINDOWS = { '15m': 15, '1h': 60, '6h': 360, '24h': 1_440, '7d': 10_080 } as const;

/** Query of `GET /v1/audit/overview`. */
export const OverviewQuery = z.strictObject({ window: z.enum(['15m', '1h', '6h', '24h', '7d']).default('1h') });
export type OverviewQuery = z.infer<typeof OverviewQuery>;

const Count = z.number().int().nonnegative();
/** Estimated from buckets that are 19 % wide. Calls that people were asked about are left out. `null` where there was nothing to measure. */
const Latency = z.object({ p50Micros: Count, p95Micros: Count, p99Micros: Count }).nullable();
const Spend = z.array(z.object({ currency: z.string(), amountMicros: Count }));

/** Calls of tools that began in one stretch of time, and what became of them since. */
export const OverviewBucket = z.object({
  from: Instant,
  calls: Count,
  /** Ended at their tool, whatever that said. */
  completed: Count,
  refused: Count,
  failed: Count,
  latency: Latency,
  spend: Spend,
});
export type OverviewBucket = z.infer<typeof OverviewBucket>;

/** Answer of `GET /v1/audit/overview`. */
export const Overview = z.object({
  window: OverviewQuery.shape.window,
  from: Instant,
  to: Instant,
  bucketSeconds: z.number().int().positive(),
  buckets: z.array(OverviewBucket),
  calls: Count,
  completed: Count,
  refused: Count,
  failed: Count,
  latency: Latency,
  spend: Spend,
  /** Refusals by code, the most frequent first, at most 20. */
  refusals: z.array(z.object({ code: z.string(), calls: Count })),
  /** Calls that wait for people now. */
  waiting: Count,
  /** Calls in doubt now. */
  inDoubt: Count,
  governance: z.object({
    /** Servers that the catalog knows now; with owner and tier where every tool of theirs has both. */
    servers: z.object({ total: Count, withOwnerAndTier: Count, without: z.array(z.string()) }),
    /** Calls of the window that a decision was made on, and those of them that at least one rule by its name decided. */
    explicit: z.object({ decided: Count, byRule: Count }),
    /** What people let through, opened or settled in the window that rules alone had held. */
    exceptions: z.object({ approved: Count, chainsCleared: Count, unmasked: Count, settledByHand: Count }),
    /**
     * From what needs a person (a poisoned chain, a call in doubt, a changed definition) to what that person did, for what was closed in the
     * window; and what is still open of the last 30 days.
     */
    investigations: z.object({ closed: Count, medianSeconds: Count.nullable(), open: Count, oldestOpenAt: Instant.nullable() }),
  }),
});
export type Overview = z.infer<typeof Overview>;
