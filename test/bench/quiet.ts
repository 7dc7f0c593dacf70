import { setTimeout as delay } from 'node:timers/promises';
import { type CpuReading, cpuBetween, type ProcessMeter } from './process-meter.ts';

const LOOK_EVERY_MS = 500;
const IDLE_SPANS = 4;
const IDLE_SPAN_MS = 3_000;
const DEADLINE_MS = 60_000;
/** Timers of idle processes come in lumps; half as much again and two ticks are still quiet. */
const MARGIN = 1.5;
const MARGIN_MS = 20;

const sumOf = (reading: CpuReading): number => Object.values(reading).reduce((sum, ms) => sum + ms, 0);

/** Tells when a product has nothing left to do: what it defers (settling, projecting) belongs to the calls that it came from. */
export class Quiet {
  private readonly meter: ProcessMeter;
  private idleShares: Readonly<Record<string, number>> = {};

  constructor(meter: ProcessMeter) {
    this.meter = meter;
  }

  /** Measures what the product uses while nobody calls, in the calmest of a few spans: shares of one core, by group of processes. */
  async learn(): Promise<Readonly<Record<string, number>>> {
    const spans: Record<string, number>[] = [];
    for (let n = 0; n < IDLE_SPANS; n++) {
      const before = this.meter.cpu();
      const startedAt = performance.now();
      await delay(IDLE_SPAN_MS);
      const used = cpuBetween(before, this.meter.cpu());
      const elapsedMs = performance.now() - startedAt;
      spans.push(Object.fromEntries(Object.entries(used).map(([name, ms]) => [name, ms / elapsedMs])));
    }
    // The first of them still see the end of starting up.
    this.idleShares = spans.reduce((calmest, span) => (sumOf(span) < sumOf(calmest) ? span : calmest));
    return this.idleShares;
  }

  /** CPU time without what the product would have used in `elapsedMs` anyway. */
  withoutIdle(cpuMs: Readonly<Record<string, number>>, elapsedMs: number): Record<string, number> {
    return Object.fromEntries(
      Object.entries(cpuMs).map(([name, ms]) => [name, Math.max(0, ms - (this.idleShares[name] ?? 0) * elapsedMs)]),
    );
  }

  /** Waits until it uses no more than that again, twice in a row; a minute at most. Answers whether it came to that. */
  async reached(): Promise<boolean> {
    const deadline = performance.now() + DEADLINE_MS;
    let before = this.meter.cpu();
    for (let calm = 0; calm < 2; ) {
      if (performance.now() > deadline) return false;
      const startedAt = performance.now();
      await delay(LOOK_EVERY_MS);
      const after = this.meter.cpu();
      const allowed = sumOf(this.idleShares) * MARGIN * (performance.now() - startedAt) + MARGIN_MS;
      calm = sumOf(cpuBetween(before, after)) <= allowed ? calm + 1 : 0;
      before = after;
    }
    return true;
  }
}
