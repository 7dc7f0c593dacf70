import type { VersionedData } from './upcasters.js';

/** How a version that is held back is written instead: as the version before it. */
interface HeldBack {
  readonly writtenAs: number;
  /** From the newest data to those of `writtenAs`. */
  readonly downcast: (data: unknown) => unknown;
}

/**
 * Versions that this release reads and does not write yet, by type. The release before cannot read them, and its services stand beside ours
 * while a deployment goes round: a release that reads a version comes before the one that writes it, which drops the line here.
 */
const HELD_BACK: ReadonlyMap<string, HeldBack> = new Map([
  // The second version says in every case what the first may say, so its data are data of the first.
  ['PolicyDecided', { writtenAs: 1, downcast: (data) => data }],
]);

/** The version and data that go onto the log for data of the newest version. */
export const toWritten = (type: string, version: number, data: unknown): VersionedData => {
  const held = HELD_BACK.get(type);
  return held === undefined ? { version, data } : { version: held.writtenAs, data: held.downcast(data) };
};
