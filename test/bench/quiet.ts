import { setTimeout as delay } from 'node:timers/promises';
import { type CpuReading, cpuBetween, type ProcessMeter } from './process-meter.ts';

const LOOK_EVERY_MS = 500;
const IDLE_SECONDS = 5;
const DEADLINE_MS = 60_000;
/** Timers of idle processes come in lumps; half as much again and two ticks are still quiet. */
const MARGIN = 1.5;
const MARGIN_MS = 20;

const sumOf = (reading: CpuReading): number => Object.values(reading).reduce((sum, ms) => sum + ms, 0);

/** Tells when a product has nothing left to do: what it defers (settling, projecting) belongs to the calls that it came from. */
export class Quiet {
  private readonly meter: ProcessMeter;
  private idleShare = 0;

  constructor(meter: ProcessMeter) {
    this.meter = meter;
  }

  /** Measures what the product uses while nobody calls: a share of one core. */
  async learn(): Promise<number> {
    const before = this.meter.cpu();
    const startedAt = performance.now();
    await delay(IDLE_SECONDS * 1_000);
    this.idleShare = sumOf(cpuBetween(before, this.meter.cpu())) / (performance.now() - startedAt);
    return this.idleShare;
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
      const allowed = this.idleShare * MARGIN * (performance.now() - startedAt) + MARGIN_MS;
      calm = sumOf(cpuBetween(before, after)) <= allowed ? calm + 1 : 0;
      before = after;
    }
    return true;
  }
}
