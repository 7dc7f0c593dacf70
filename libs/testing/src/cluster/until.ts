import { setTimeout as delay } from 'node:timers/promises';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/**
 * Asks again, at growing intervals, until `look` gives something other than `undefined`. For what other processes do, which no event of ours
 * tells. Throws after `deadlineMs` with `what` and the last thing that `look` threw.
 */
export const until = async <T>(what: string, look: () => Promise<T | undefined> | T | undefined, deadlineMs = 30_000): Promise<T> => {
  const deadline = performance.now() + deadlineMs;
  let cause: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`, { cause });
    await delay(pauseMs);
  }
};
