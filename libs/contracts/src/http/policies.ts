import { z } from 'zod';
import { Id, PlainDigest } from '../values.js';

/** A policy set as files: relative path to text. `*.cedar`, `arguments.cedarschema`, `grants.yaml`, `tests/*.yaml`; other files are faults. */
export const PolicyFiles = z.record(z.string().max(256), z.string().max(1_000_000));
export type PolicyFiles = Readonly<z.infer<typeof PolicyFiles>>;

/** Body of `PUT /v1/policies`: the whole set. */
export const PutPolicies = z.strictObject({ files: PolicyFiles, why: z.string().min(1).max(1024) });
export type PutPolicies = z.infer<typeof PutPolicies>;

/** One rule of a set, as its author wrote it. */
export const PolicyText = z.object({ id: Id, file: z.string(), text: z.string() });
export type PolicyText = z.infer<typeof PolicyText>;

/** Answer of `GET` and `PUT /v1/policies`: the set that decides now. */
export const PoliciesInForce = z.object({
  policySetHash: PlainDigest,
  engine: z.string(),
  epoch: z.number().int(),
  policies: z.array(PolicyText),
  files: PolicyFiles,
});
export type PoliciesInForce = z.infer<typeof PoliciesInForce>;
