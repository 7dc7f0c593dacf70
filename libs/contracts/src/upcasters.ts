/** Raw data of one version of an event. */
export interface VersionedData {
  readonly version: number;
  readonly data: unknown;
}

/** One step from version N to N+1 of a type, by `<Type>.v<N>`. Old versions are read for ever; a new version adds its step here. */
const STEPS: ReadonlyMap<string, (data: unknown) => unknown> = new Map();

/** Takes data of any declared version to the newest, one step a version. */
export const upcast = (type: string, version: number, data: unknown): VersionedData => {
  let current: VersionedData = { version, data };
  for (let step = STEPS.get(`${type}.v${current.version}`); step !== undefined; step = STEPS.get(`${type}.v${current.version}`)) {
    current = { version: current.version + 1, data: step(current.data) };
  }
  return current;
};
