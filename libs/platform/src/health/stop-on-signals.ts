import type { HealthRegistry } from './health-registry.js';

export interface StopOptions {
  readonly health: HealthRegistry;
  /** How long work in flight may take to end. */
  readonly drainTimeoutMs: number;
  /** Ends everything: servers first, then consumers, then the database. */
  readonly close: () => Promise<void>;
  /** Told at once which signal came, e.g. to say so. */
  readonly onStopping?: (signal: NodeJS.Signals) => void;
  /** Told how many pieces of work had not ended in time. */
  readonly onCutOff?: (inFlight: number) => void;
  readonly signals?: readonly NodeJS.Signals[];
}

/** Exit code of a process that was told twice: 128 + SIGINT, as shells say it. */
const TOLD_TWICE = 130;

/**
 * Resolves after the first SIGTERM, SIGINT or SIGHUP, once readiness is false, work in flight has ended or run out of time, and `close` has
 * resolved; rejects with what `close` rejects with. A second signal ends the process at once.
 */
export const stopOnSignals = ({
  health,
  drainTimeoutMs,
  close,
  onStopping,
  onCutOff,
  signals = ['SIGTERM', 'SIGINT', 'SIGHUP'],
}: StopOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(TOLD_TWICE);
      stopping = true;
      onStopping?.(signal);
      health.startDraining();
      const stop = async (): Promise<void> => {
        const left = await health.whenIdle(drainTimeoutMs);
        if (left > 0) onCutOff?.(left);
        await close();
      };
      stop()
        .finally(() => {
          for (const name of signals) process.off(name, onSignal);
        })
        .then(resolve, reject);
    };
    for (const name of signals) process.on(name, onSignal);
  });
