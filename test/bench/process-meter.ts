import { readdirSync, readFileSync } from 'node:fs';

/** Names of what is metered, each with the processes at the root of its tree. */
export type ProcessRoots = Readonly<Record<string, readonly number[]>>;

/** CPU time by name, in milliseconds since the processes began. */
export type CpuReading = Readonly<Record<string, number>>;

/** Bytes. `pss` counts a page that several processes share once in all, so that sums are true; `rss` counts it in each of them. */
export interface MemoryUse {
  readonly rss: number;
  readonly pss: number;
}

/** Memory by name. */
export type MemoryReading = Readonly<Record<string, MemoryUse>>;

/** What is read of one process. */
export interface ProcessFacts {
  readonly parent: number;
  /** User and system time of the process and of its children that ended, in milliseconds. */
  readonly cpuMs: number;
}

/** USER_HZ of Linux, the unit of the times in `/proc/<pid>/stat` (proc_pid_stat(5)). */
const TICK_MS = 10;

/**
 * Reads `/proc/<pid>/stat`. Time of children that ended is in the time of their parent, so that a sum over a tree never falls and loses
 * nothing when one of it ends between two readings.
 */
export const parseStat = (text: string): ProcessFacts => {
  // The name before it may hold blanks and brackets.
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return { parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
};

/** Reads the CPU time of `/proc/<pid>/task/<tid>/stat`, in milliseconds: of the thread alone, whatever its process counts besides. */
export const parseThreadStat = (text: string): number => {
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
};

/** The name in a `stat`; that of threads which are numbered is without their number. */
const threadNameOf = (text: string): string => text.slice(text.indexOf('(') + 1, text.lastIndexOf(') ')).replace(/[-_ ]?\d+$/, '');

/** Reads `/proc/<pid>/smaps_rollup`. */
export const parseRollup = (text: string): MemoryUse => {
  const bytesOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1_024;
  return { rss: bytesOf('Rss'), pss: bytesOf('Pss') };
};

/** Which name each process belongs to: that of its nearest ancestor among the roots. Processes of none are left out. */
export const membersOf = (
  processes: ReadonlyMap<number, { readonly parent: number }>,
  roots: ProcessRoots,
): ReadonlyMap<number, string> => {
  const names = new Map<number, string>();
  for (const [name, pids] of Object.entries(roots)) for (const pid of pids) names.set(pid, name);
  const members = new Map<number, string>();
  for (const pid of processes.keys()) {
    for (let ancestor: number | undefined = pid; ancestor !== undefined; ancestor = processes.get(ancestor)?.parent) {
      const name = names.get(ancestor);
      if (name === undefined) continue;
      members.set(pid, name);
      break;
    }
  }
  return members;
};

/** CPU time between two readings, in milliseconds by name. */
export const cpuBetween = (before: CpuReading, after: CpuReading): Record<string, number> =>
  Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, Math.max(0, ms - (before[name] ?? 0))]));

/** Reads CPU time and memory of trees of processes from `/proc`; Linux alone has it. */
export class ProcessMeter {
  private readonly roots: ProcessRoots;

  constructor(roots: ProcessRoots) {
    this.roots = roots;
  }

  cpu(): CpuReading {
    const processes = allProcesses();
    const sums: Record<string, number> = Object.fromEntries(Object.keys(this.roots).map((name) => [name, 0]));
    for (const [pid, name] of membersOf(processes, this.roots)) sums[name] = (sums[name] ?? 0) + (processes.get(pid)?.cpuMs ?? 0);
    return sums;
  }

  /** Walks every mapping of every process: milliseconds each, so nothing for a measured window. */
  memory(): MemoryReading {
    const sums: Record<string, MemoryUse> = {};
    for (const [pid, name] of membersOf(allProcesses(), this.roots)) {
      const use = parseRollup(readProc(pid, 'smaps_rollup') ?? '');
      const sum = sums[name] ?? { rss: 0, pss: 0 };
      sums[name] = { rss: sum.rss + use.rss, pss: sum.pss + use.pss };
    }
    return sums;
  }

  /** CPU time by the name of what is metered and of its threads, `edge-gateway: libuv-worker`: what of it is not the main thread's. */
  threads(): CpuReading {
    const sums: Record<string, number> = {};
    for (const [pid, group] of membersOf(allProcesses(), this.roots)) {
      for (const thread of entriesOf(`/proc/${pid}/task`)) {
        const text = readProc(pid, `task/${thread}/stat`);
        if (text === undefined) continue;
        const name = `${group}: ${threadNameOf(text)}`;
        sums[name] = (sums[name] ?? 0) + parseThreadStat(text);
      }
    }
    return sums;
  }

  /** Every name with the number of its processes. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const name of membersOf(allProcesses(), this.roots).values()) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }
}

const allProcesses = (): ReadonlyMap<number, ProcessFacts> => {
  const found = new Map<number, ProcessFacts>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const text = readProc(pid, 'stat');
    if (text !== undefined) found.set(pid, parseStat(text));
  }
  return found;
};

/** None when the process ended meanwhile. */
const entriesOf = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** `undefined` when the process ended meanwhile. */
const readProc = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
};
