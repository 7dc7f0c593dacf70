import type { PolicyDecidedV1 } from './events/policy/policy-decided.v1.js';
import type { PolicyDecidedV2 } from './events/policy/policy-decided.v2.js';

/** Data of one version of an event. */
export interface VersionedData {
  readonly version: number;
  readonly data: unknown;
}

/** What did not say whether it rests on a grant rests on none. */
const saysWhichGrant = (data: PolicyDecidedV1): PolicyDecidedV2 => ({ ...data, approvalId: data.approvalId ?? null });

/** One step from version N to N+1 of a type, by `<Type>.v<N>`. Old versions are read for ever; a new version adds its step here. */
const STEPS: ReadonlyMap<string, (data: unknown) => unknown> = new Map([
  ['PolicyDecided.v1', (data: unknown) => saysWhichGrant(data as PolicyDecidedV1)],
]);

/** Takes data of any declared version to the newest, one step a version. */
export const upcast = (type: string, version: number, data: unknown): VersionedData => {
  let current: VersionedData = { version, data };
  for (let step = STEPS.get(`${type}.v${current.version}`); step !== undefined; step = STEPS.get(`${type}.v${current.version}`)) {
    current = { version: current.version + 1, data: step(current.data) };
  }
  return current;
};
