/** A profile as V8 writes it with `--cpu-prof`: a tree of frames, and which of them ran at each sample. Times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** On the monotonic clock of the machine. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** A share of the time that a process ran, from 0 to 1. */
export interface ProfileShare {
  readonly name: string;
  readonly share: number;
}

export interface ProfileSummary {
  /** Share of the window in which the thread ran anything. */
  readonly busy: number;
  /** Functions by the time they themselves ran, most first. */
  readonly functions: readonly ProfileShare[];
  /** The same by package, library or part of Node. */
  readonly packages: readonly ProfileShare[];
  /** All of it, each part at the innermost function of ours that led to it; what none led to is at the outermost frame, in brackets. */
  readonly charged: readonly ProfileShare[];
  /** Our own functions by the time they or what they called ran, most first; asynchronous callers do not count what they wait for. */
  readonly inclusive: readonly ProfileShare[];
}

/** The window of a profile, in microseconds of the monotonic clock. */
export interface ProfileWindow {
  readonly from: number;
  readonly to: number;
}

const ROOT = '(root)';
const IDLE = '(idle)';

/** Where a file belongs: a package of npm, a library of this repository, or Node itself. */
export const packageOf = (url: string): string => {
  if (url === '') return 'native and engine';
  if (url.startsWith('wasm:')) return 'WebAssembly';
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const installed = url.split('/node_modules/').at(-1);
  if (installed !== undefined && installed !== url)
    return installed
      .split('/')
      .slice(0, installed.startsWith('@') ? 2 : 1)
      .join('/');
  return /\/((?:libs\/services|libs|apps)\/[^/]+)\//.exec(url)?.[1] ?? url;
};

const shortOf = (url: string): string => {
  const installed = url.split('/node_modules/').at(-1);
  if (installed !== undefined && installed !== url) return installed;
  return /\/((?:libs|apps)\/.*)$/.exec(url)?.[1] ?? url;
};

const nameOf = ({ functionName, url, lineNumber }: ProfileNode['callFrame']): string => {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${shortOf(url)}:${lineNumber + 1}`;
};

const isOurs = ({ url }: ProfileNode['callFrame']): boolean => /^(libs|apps)\//.test(packageOf(url));

const sharesOf = (times: ReadonlyMap<string, number>, whole: number): readonly ProfileShare[] =>
  [...times].map(([name, time]) => ({ name, share: whole === 0 ? 0 : time / whole })).sort((a, b) => b.share - a.share);

/** Sums what ran inside the window. Shares are of the time in which anything ran. */
export const summarise = ({ nodes, startTime, samples, timeDeltas }: CpuProfile, window: ProfileWindow): ProfileSummary => {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const self = new Map<number, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    // A sample stands for the time until the next one.
    at += timeDeltas[index] ?? 0;
    const lasts = timeDeltas[index + 1] ?? 0;
    if (at >= window.from && at < window.to) self.set(id, (self.get(id) ?? 0) + lasts);
  }
  const functions = new Map<string, number>();
  const packages = new Map<string, number>();
  const charged = new Map<string, number>();
  const inclusive = new Map<string, number>();
  const add = (sums: Map<string, number>, name: string, time: number): void => void sums.set(name, (sums.get(name) ?? 0) + time);
  let busy = 0;
  let all = 0;
  for (const [id, time] of self) {
    const frame = byId.get(id)?.callFrame;
    if (frame === undefined) continue;
    all += time;
    if (frame.functionName === IDLE) continue;
    busy += time;
    add(functions, nameOf(frame), time);
    add(packages, packageOf(frame.url), time);
    const own = new Set<string>();
    let outermost = '';
    for (let caller = byId.get(id); caller !== undefined; caller = byId.get(parents.get(caller.id) ?? Number.NaN)) {
      if (isOurs(caller.callFrame)) own.add(nameOf(caller.callFrame));
      if (caller.callFrame.functionName !== ROOT) outermost = nameOf(caller.callFrame);
    }
    for (const caller of own) add(inclusive, caller, time);
    const [innermost = `[${outermost}]`] = own;
    add(charged, innermost, time);
  }
  return {
    busy: all === 0 ? 0 : busy / all,
    functions: sharesOf(functions, busy),
    packages: sharesOf(packages, busy),
    charged: sharesOf(charged, busy),
    inclusive: sharesOf(inclusive, busy),
  };
};
