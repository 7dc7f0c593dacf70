import { type Clock, systemClock } from '../clock/clock.port.js';

/** Whether something that a service cannot do without works now. Must not throw for long: it is given two seconds. */
export type HealthCheck = () => boolean | Promise<boolean>;

export interface Readiness {
  readonly status: 'ready' | 'not-ready' | 'draining';
  /** By the name of the check. */
  readonly checks: Readonly<Record<string, 'ok' | 'failing'>>;
}

const CHECK_TIMEOUT_MS = 2_000;

/** What readiness depends on, and what is still being worked on. One for each process. */
export class HealthRegistry {
  private readonly checks = new Map<string, HealthCheck>();
  private readonly idle = new Set<() => void>();
  private draining = false;
  private working = 0;

  constructor(private readonly clock: Clock = systemClock) {}

  /** Adds a check under a name of its own, e.g. `edge-gateway.log`; returns what removes it. */
  register(name: string, check: HealthCheck): () => void {
    this.checks.set(name, check);
    return () => {
      if (this.checks.get(name) === check) this.checks.delete(name);
    };
  }

  get isDraining(): boolean {
    return this.draining;
  }

  get inFlight(): number {
    return this.working;
  }

  /** Counts a piece of work that a drain waits for; call what it returns once when it ends. */
  enter(): () => void {
    this.working += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.working -= 1;
      if (this.working === 0) for (const resolve of [...this.idle]) resolve();
    };
  }

  /** Asks every check at once; one that throws or takes longer than two seconds is failing. */
  async readiness(): Promise<Readiness> {
    const entries = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, (await passes(check)) ? 'ok' : 'failing'] as const),
    );
    const checks = Object.fromEntries(entries);
    const status = this.draining ? 'draining' : Object.values(checks).includes('failing') ? 'not-ready' : 'ready';
    return { status, checks };
  }

  /** From now on not ready, so that no new work is sent here. */
  startDraining(): void {
    this.draining = true;
  }

  /** Resolves when nothing is in flight, or after `timeoutMs` with how much still was. */
  async whenIdle(timeoutMs: number): Promise<number> {
    const deadline = this.clock.monotonicMs() + timeoutMs;
    while (this.working > 0 && this.clock.monotonicMs() < deadline) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.idle.delete(done);
          resolve();
        };
        const timer = setTimeout(done, Math.max(1, deadline - this.clock.monotonicMs()));
        this.idle.add(done);
      });
    }
    return this.working;
  }
}

const passes = async (check: HealthCheck): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS);
    timer.unref();
  });
  try {
    return await Promise.race([Promise.resolve().then(check), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
};
