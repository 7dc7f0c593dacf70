import { median } from '../../bench/statistics.ts';
import type { Point } from './campaign.ts';
import type { Breach } from './checks.ts';
import type { Evidence } from './evidence.ts';
import type { SentCall } from './mixed-calls.ts';
import type { FaultSize, Victim } from './victims.ts';

export interface Spread {
  readonly median: number;
  readonly max: number;
}

/** What came of killing one victim. */
export interface VictimReport {
  readonly size: FaultSize;
  readonly victim: Victim;
  readonly points: readonly Point[];
  readonly seconds: number;
  /** Calls that clients sent. */
  readonly calls: number;
  /** What they were told, how often, by kind. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How the calls ended that are on record. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly inDoubt: number;
  /** From the death of the victim until it was ready, and until calls of every client went on. */
  readonly readyMs: Spread;
  readonly goesOnMs: Spread;
  readonly breaches: readonly Breach[];
}

export interface VictimRun {
  readonly size: FaultSize;
  readonly victim: Victim;
  readonly points: readonly Point[];
  readonly sent: readonly SentCall[];
  /** `null` where it came to no end. */
  readonly evidence: Evidence | null;
  readonly breaches: readonly Breach[];
  readonly seconds: number;
}

export const countsOf = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

export const spreadOf = (values: readonly number[]): Spread => ({
  median: Math.round(median(values)),
  max: Math.round(values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)),
});

export const answerOf = ({ reply, isHungUp }: SentCall): string => {
  if (isHungUp) return 'hung up';
  return reply === null ? 'connection lost' : (reply.code ?? 'done');
};

export const victimReport = ({ size, victim, points, sent, evidence, breaches, seconds }: VictimRun): VictimReport => ({
  ...{ size, victim, points, seconds, breaches },
  calls: sent.length,
  answers: Object.fromEntries([...Map.groupBy(sent, ({ kind }) => kind)].map(([kind, calls]) => [kind, countsOf(calls.map(answerOf))])),
  outcomes: countsOf(evidence?.kept.map(({ outcome }) => outcome) ?? []),
  inDoubt: evidence?.callsInDoubt.length ?? 0,
  readyMs: spreadOf(points.map(({ readyMs }) => readyMs)),
  goesOnMs: spreadOf(points.flatMap(({ goesOnMs }) => (goesOnMs === null ? [] : [goesOnMs]))),
});

export const secondsOf = (ms: number): string => (Number.isFinite(ms) ? (ms / 1_000).toFixed(1) : '-');
export const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

/** The command that runs a point again. */
export const commandOf = ({ size, victim }: Pick<VictimReport, 'size' | 'victim'>, { seed }: Point): string =>
  `npm run faults -- --size ${size} --victim ${victim} --points 1 --seed ${seed}`;

/** One victim, for people. */
export const printed = (report: VictimReport): string => {
  const answers: Record<string, number> = {};
  for (const told of Object.values(report.answers))
    for (const [answer, count] of Object.entries(told)) answers[answer] = (answers[answer] ?? 0) + count;
  const { readyMs, goesOnMs } = report;
  return [
    `${report.victim} (${report.size}): ${report.points.length} kills in ${Math.round(report.seconds)} s, ${report.calls} calls, ${report.breaches.length} breaches`,
    `  ready again after ${secondsOf(readyMs.median)} s (at most ${secondsOf(readyMs.max)} s), calls go on after ${secondsOf(goesOnMs.median)} s (at most ${secondsOf(goesOnMs.max)} s)`,
    `  told: ${listed(answers)}`,
    `  on record: ${listed(report.outcomes)}; in doubt and listed with its hold: ${report.inDoubt}`,
    ...report.breaches.map(({ promise, point, what }) => {
      const run = point === null ? undefined : report.points[point];
      return `  BROKEN ${promise}: ${what}${run === undefined ? '' : `\n    ${commandOf(report, run)}`}`;
    }),
    '',
  ].join('\n');
};
