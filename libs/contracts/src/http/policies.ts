import { z } from 'zod';
import { Id, Instant, Obligation, PlainDigest } from '../values.js';

/** A policy set as files: relative path to text. `*.cedar`, `arguments.cedarschema`, `grants.yaml`, `tests/*.yaml`; other files are faults. */
export const PolicyFiles = z.record(z.string().max(256), z.string().max(1_000_000));
export type PolicyFiles = Readonly<z.infer<typeof PolicyFiles>>;

/** Body of `PUT /v1/policies`: the whole set. */
export const PutPolicies = z.strictObject({ files: PolicyFiles, why: z.string().min(1).max(1024) });
export type PutPolicies = z.infer<typeof PutPolicies>;

/** One rule of a set: its text as its author wrote it, and what its annotations say. */
export const PolicyText = z.object({
  id: Id,
  file: z.string(),
  text: z.string(),
  effect: z.enum(['permit', 'forbid']),
  /** What its author says about it. */
  reason: z.string().nullable(),
  /** Not `null`: the rule grants nothing and says what must be done where another allows. */
  obligation: Obligation.nullable(),
});
export type PolicyText = z.infer<typeof PolicyText>;

/** Who put a set in force, when and why. */
export const PolicyChangeNote = z.object({
  /** Its number, in the order of all changes of the control state. */
  epoch: z.number().int(),
  policySetHash: PlainDigest,
  changedBy: Id,
  why: z.string(),
  changedAt: Instant,
});
export type PolicyChangeNote = z.infer<typeof PolicyChangeNote>;

/** Answer of `GET` and `PUT /v1/policies`: the set that decides now. */
export const PoliciesInForce = z.object({
  policySetHash: PlainDigest,
  engine: z.string(),
  /** Of the whole control state. */
  epoch: z.number().int(),
  policies: z.array(PolicyText),
  files: PolicyFiles,
  /** The change that put it in force; its tests passed then. */
  lastChange: PolicyChangeNote.nullable(),
});
export type PoliciesInForce = z.infer<typeof PoliciesInForce>;

/** Query of `GET /v1/policies/versions`. */
export const PolicyVersionQuery = z.strictObject({
  cursor: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type PolicyVersionQuery = z.infer<typeof PolicyVersionQuery>;

/** Answer of `GET /v1/policies/versions`, newest first. */
export const PolicyVersions = z.object({ versions: z.array(PolicyChangeNote), nextCursor: z.string().nullable() });
export type PolicyVersions = z.infer<typeof PolicyVersions>;

/** The parameter of `GET /v1/policies/{version}`: a policy set hash, or the number of a version. */
export const PolicyVersionName = z.union([PlainDigest, z.string().regex(/^[1-9]\d{0,15}$/)]);

/** Answer of `GET /v1/policies/{version}`: a set as it was; of several versions with one hash, the newest. */
export const PolicyVersion = PolicyChangeNote.extend({
  policies: z.array(PolicyText),
  files: PolicyFiles,
  /** The version before it; `null` for the first. */
  before: PolicyChangeNote.nullable(),
  inForce: z.boolean(),
});
export type PolicyVersion = z.infer<typeof PolicyVersion>;

/** What became of one test of a policy set. */
export const PolicyTestResult = z.object({
  file: z.string(),
  name: z.string(),
  passed: z.boolean(),
  /** What was answered otherwise than expected. */
  differences: z.array(z.string()),
});
export type PolicyTestResult = z.infer<typeof PolicyTestResult>;

/** Answer of `POST /v1/policies/test`: the tests of the set in force, run against it now. */
export const PolicyTestRun = z.object({
  policySetHash: PlainDigest,
  ranAt: Instant,
  passed: z.number().int(),
  failed: z.number().int(),
  /** Whether there are more tests than one run does. */
  hasMore: z.boolean(),
  results: z.array(PolicyTestResult),
});
export type PolicyTestRun = z.infer<typeof PolicyTestRun>;
