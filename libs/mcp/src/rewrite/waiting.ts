/** A wait that was longer than it may be. */
export const TIMED_OUT = Symbol('timed out');

/** Waits for `promise`, but no longer than `atMostMs`: then it answers `TIMED_OUT`. The promise stays the caller's to cancel. */
export const within = <T>(promise: Promise<T>, atMostMs: number): Promise<T | typeof TIMED_OUT> =>
  new Promise((resolve, reject) => {
    const expire = setTimeout(resolve, atMostMs, TIMED_OUT);
    promise.then(
      (value) => {
        clearTimeout(expire);
        resolve(value);
      },
      (error) => {
        clearTimeout(expire);
        reject(error);
      },
    );
  });

/**
 * Waits for `promise`, and yields `comment` each time `everyMs` passed without a result. Returns the result, or `TIMED_OUT` once `atMostMs`
 * (no bound when null) have passed. The promise stays the caller's to cancel.
 */
export async function* waiting<T>(
  promise: Promise<T>,
  options: { readonly comment: Uint8Array | null; readonly everyMs: number; readonly atMostMs: number | null },
): AsyncGenerator<Uint8Array, T | typeof TIMED_OUT> {
  const settled = promise.then((value) => ({ value }));
  settled.catch(() => undefined);
  let expire: NodeJS.Timeout | undefined;
  const expired =
    options.atMostMs === null
      ? null
      : new Promise<typeof TIMED_OUT>((resolve) => {
          expire = setTimeout(resolve, options.atMostMs ?? 0, TIMED_OUT);
        });
  try {
    for (;;) {
      let tick: NodeJS.Timeout | undefined;
      const ticked = new Promise<'tick'>((resolve) => {
        tick = setTimeout(resolve, options.everyMs, 'tick');
      });
      const outcome = await Promise.race(expired === null ? [settled, ticked] : [settled, ticked, expired]);
      clearTimeout(tick);
      if (outcome === TIMED_OUT) return TIMED_OUT;
      if (outcome !== 'tick') return outcome.value;
      if (options.comment !== null) yield options.comment;
    }
  } finally {
    clearTimeout(expire);
  }
}
