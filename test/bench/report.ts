import type { ProfileShare, ProfileSummary } from './cpu-profile.ts';
import type { MemoryFigures } from './memory.ts';
import { inOrder } from './product-groups.ts';
import type { SpeedSeries } from './speed.ts';
import { rounded } from './statistics.ts';
import { NEIGHBOUR, type SizeFigures, servicesCpuMs, type Verdict } from './targets.ts';

type Cell = string | number;

const FUNCTIONS_SHOWN = 40;
const PACKAGES_SHOWN = 25;

/** Rows as columns of equal width; numbers to the right. */
export const table = (head: readonly string[], rows: readonly (readonly Cell[])[]): string => {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)));
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, column) =>
        typeof cell === 'number' ? String(cell).padStart(widths[column] ?? 0) : String(cell).padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const speedRows = (speed: SizeFigures['speed']): Cell[][] =>
  speed.map(({ arm, tier, inFlight, median }) => {
    const direct = speed.find((other) => other.arm === 'direct' && other.tier === tier && other.inFlight === inFlight)?.median;
    const ratio = arm === 'direct' || direct === undefined ? '' : `1 : ${(direct.callsPerSecond / median.callsPerSecond).toFixed(1)}`;
    const added = arm === 'direct' || direct === undefined ? '' : rounded(median.latencyMs.p50 - direct.latencyMs.p50);
    const { p50, p95, p99 } = median.latencyMs;
    return [inFlight, tier, arm, Math.round(median.callsPerSecond), p50, p95, p99, ratio, added];
  });

const cpuTable = (speed: SizeFigures['speed']): string | undefined => {
  const through = speed.filter(({ arm }) => arm === 'sallyport');
  const names = inOrder(Object.keys(through[0]?.median.cpuMsPerCall ?? {}));
  if (names.length === 0) return undefined;
  const row = ({ inFlight, tier }: Pick<SpeedSeries, 'inFlight' | 'tier'>, what: string, cpu: Readonly<Record<string, number>>): Cell[] => [
    inFlight,
    tier,
    what,
    servicesCpuMs(cpu),
    ...names.map((name) => cpu[name] ?? 0),
  ];
  return table(
    ['in flight', 'tier', 'of', 'services', ...names],
    through.flatMap((series) => [row(series, 'window', series.median.cpuMsPerCall), row(series, 'all', series.median.cpuMsPerCallInAll)]),
  );
};

const memoryTable = ({ idle, underLoad }: SizeFigures): string | undefined => {
  const states: [string, MemoryFigures][] = [];
  if (idle !== null) states.push(['idle', idle]);
  if (underLoad !== null) {
    states.push([`under load (${underLoad.inFlight} in flight)`, underLoad.peak]);
    states.push([`after ${underLoad.calls} calls, ${underLoad.sessions} sessions open`, underLoad.after]);
  }
  const names = inOrder(Object.keys(states[0]?.[1].pssMb ?? {}));
  if (names.length === 0) return undefined;
  return table(
    ['MB', 'of', 'total', ...names],
    states.flatMap(([state, { totalMb, pssMb, rssMb }]) => [
      [state, 'PSS', totalMb, ...names.map((name) => pssMb[name] ?? 0)],
      ['', 'RSS', '', ...names.map((name) => rssMb[name] ?? 0)],
    ]),
  );
};

const postgresTable = (speed: SizeFigures['speed']): string | undefined => {
  const through = speed.filter(({ arm }) => arm === 'sallyport');
  if (through.length === 0) return undefined;
  return table(
    ['in flight', 'tier', 'PostgreSQL a call: commits', 'syncs of the WAL', 'bytes of WAL'],
    through.map(({ inFlight, tier, median: { postgresPerCall: did } }) => [inFlight, tier, did.commits, did.walSyncs, did.walBytes]),
  );
};

/** CPU by thread of the last measured window, most first. */
export const threadReport = (threadMsPerCall: Readonly<Record<string, number>>): string =>
  table(
    ['thread', 'CPU ms a call'],
    Object.entries(threadMsPerCall)
      .filter(([, ms]) => ms > 0)
      .sort(([, a], [, b]) => b - a),
  );

/** The tables of one size. */
export const sizeReport = (figures: SizeFigures): string => {
  const { size, speed, underLoad } = figures;
  const parts = [`\n== ${size} ==`];
  if (speed.length > 0)
    parts.push(table(['in flight', 'tier', 'arm', 'calls/s', 'p50 ms', 'p95 ms', 'p99 ms', 'ratio', 'p50 added'], speedRows(speed)));
  const cpu = cpuTable(speed);
  if (cpu !== undefined)
    parts.push(`CPU in ms a call ("window": measured window; "all": from opening the sessions until at rest, over all calls)\n${cpu}`);
  const postgres = postgresTable(speed);
  if (postgres !== undefined) parts.push(postgres);
  const memory = memoryTable(figures);
  if (memory !== undefined) parts.push(memory);
  if (underLoad !== null)
    parts.push(
      `Growth from the second quarter of the load to its last: ${percent(underLoad.growthAfterWarmUp)} (${inOrder(
        Object.keys(underLoad.growthByGroup),
      )
        .map((name) => `${name} ${percent(underLoad.growthByGroup[name] ?? 0)}`)
        .join(', ')}); ${Math.round(underLoad.load.callsPerSecond)} calls/s`,
    );
  return parts.join('\n\n');
};

/** Aims beside what was reached, and the neighbour to be ahead of. */
export const verdictReport = (verdicts: readonly Verdict[], sizes: readonly SizeFigures[]): string => {
  const rows = verdicts.map(({ size, what, unit, bound, aim, prototype, reached, met }) => [
    met ? '✓' : '✗',
    size,
    what,
    `${bound} ${aim} ${unit}`,
    reached,
    prototype ?? '',
  ]);
  const neighbours = sizes.flatMap(({ size, speed }) =>
    speed.flatMap(({ arm, tier, inFlight, median }) => {
      const theirs = NEIGHBOUR.callsPerSecond.get(inFlight);
      if (arm === 'direct' || tier !== 'read' || theirs === undefined) return [];
      const ours = Math.round(median.callsPerSecond);
      return [[ours > theirs ? 'ahead' : 'behind', size, inFlight, ours, theirs]];
    }),
  );
  return [
    ...(rows.length === 0 ? [] : [`\n${table(['', 'size', 'figure', 'aim', 'reached', 'bare prototype'], rows)}`]),
    ...(neighbours.length === 0
      ? []
      : [`\nBeside ${NEIGHBOUR.name}\n${table(['', 'size', 'in flight', 'calls/s', 'theirs'], neighbours)}`]),
  ].join('\n');
};

const shares = (title: string, found: readonly ProfileShare[], shown: number): string =>
  table(
    ['share', title],
    found.slice(0, shown).map(({ name, share }) => [percent(share).padStart(7), name]),
  );

/** Where one process spent the measured window. */
export const profileReport = (name: string, { busy, functions, packages, charged, inclusive }: ProfileSummary): string =>
  [
    `\n== profile of ${name}: main thread busy ${percent(busy)} of the window; shares are of that ==`,
    shares('self time by function', functions, FUNCTIONS_SHOWN),
    shares('self time by package', packages, PACKAGES_SHOWN),
    shares('our functions with what they call that is not ours', charged, FUNCTIONS_SHOWN),
    shares('our functions with what they call (not what they await)', inclusive, FUNCTIONS_SHOWN),
  ].join('\n\n');
