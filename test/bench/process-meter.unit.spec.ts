import { expect, test } from 'vitest';
import { cpuBetween, membersOf, ProcessMeter, parseRollup, parseStat, parseThreadStat } from './process-meter.ts';

const statOf = (name: string, parent: number, ticks: readonly [number, number, number, number]): string =>
  `71 (${name}) S ${parent} 71 71 0 -1 4194560 100 0 0 0 ${ticks.join(' ')} 20 0 11 0 5 1000 200 18446744073709551615`;

test('CPU time is that of the process and of its children that ended, whatever its name', () => {
  expect(parseStat(statOf('node', 7, [12, 3, 0, 0]))).toEqual({ parent: 7, cpuMs: 150 });
  expect(parseStat(statOf('a) S 1 (b', 7, [1, 2, 3, 4]))).toEqual({ parent: 7, cpuMs: 100 });
});

test('CPU time of a thread is without that of children that its process waited for', () => {
  expect(parseThreadStat(statOf('libuv-worker', 7, [2, 3, 50, 60]))).toBe(50);
});

test('memory is read in bytes', () => {
  const text = '00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss:               120 kB\nPss:                80 kB\nPss_Anon:  70 kB\n';
  expect(parseRollup(text)).toEqual({ rss: 120 * 1_024, pss: 80 * 1_024 });
});

test('a process belongs to its nearest ancestor that has a name', () => {
  const parents: [number, number][] = [
    [10, 1],
    [11, 10],
    [12, 11],
    [13, 12],
    [20, 1],
  ];
  const processes = new Map(parents.map(([pid, parent]) => [pid, { parent }]));
  expect([...membersOf(processes, { gateway: [10], postgresql: [12] })]).toEqual([
    [10, 'gateway'],
    [11, 'gateway'],
    [12, 'postgresql'],
    [13, 'postgresql'],
  ]);
});

test('the time between two readings is that of each name, and of a new one all of it', () => {
  expect(cpuBetween({ edge: 100 }, { edge: 140, broker: 20 })).toEqual({ edge: 40, broker: 20 });
});

test.runIf(process.platform === 'linux')('the time and the memory of this process are found', () => {
  const meter = new ProcessMeter({ self: [process.pid] });
  expect(meter.cpu().self).toBeGreaterThan(0);
  const { rss = 0, pss = 0 } = meter.memory().self ?? {};
  expect(pss).toBeGreaterThan(1_000_000);
  expect(rss).toBeGreaterThanOrEqual(pss);
  const ofThreads = Object.entries(meter.threads());
  expect(ofThreads.every(([name]) => name.startsWith('self: '))).toBe(true);
  expect(ofThreads.reduce((sum, [, ms]) => sum + ms, 0)).toBeGreaterThan(0);
  expect(meter.counts().self).toBeGreaterThanOrEqual(1);
});
