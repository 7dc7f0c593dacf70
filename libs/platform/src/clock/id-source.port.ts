import { v7 } from 'uuid';
import { pooledRandomBytes } from './random-pool.js';

/** Where identifiers come from. Tests put their own in its place. */
export interface IdSource {
  /** A UUID of version 7 (RFC 9562): sorts by the time it was made, unique across replicas without talking to them. */
  uuidv7(): string;
}

let lastMs = 0;
let sequence = 0;

/** Ids of one process sort in the order they were made, within a millisecond too (RFC 9562, section 6.2, method 1). */
export const systemIdSource: IdSource = {
  uuidv7: () => {
    const random = pooledRandomBytes(16);
    const nowMs = Date.now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      // One bit is left clear, so that there is room to count up from any beginning.
      sequence = random.readUInt32BE(6) & 0x7fff_ffff;
    } else {
      sequence = (sequence + 1) >>> 0;
      if (sequence === 0) lastMs += 1;
    }
    return v7({ random, msecs: lastMs, seq: sequence });
  },
};
