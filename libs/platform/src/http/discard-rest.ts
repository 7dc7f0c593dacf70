import type { IncomingMessage } from 'node:http';

/** How long the rest of a refused body is read and thrown away, so that its sender gets to read the answer. */
const DISCARD_MS = 5_000;

/**
 * Reads and throws away what is still to come of a request that is being answered without its body, for five seconds; then its connection is
 * cut. Without it the sender would see a reset in place of the answer, or could send for as long as it likes.
 */
export const discardRest = (request: IncomingMessage): void => {
  if (request.complete || request.destroyed) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), DISCARD_MS);
  timer.unref();
  const done = (): void => clearTimeout(timer);
  request.once('end', done).once('close', done);
};
