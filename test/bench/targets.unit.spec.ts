import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';
import { type SizeFigures, servicesCpuMs, TARGETS, verdictsOf } from './targets.ts';

const figuresOf = (size: SizeFigures['size'], callsPerSecond: number): SizeFigures => ({
  size,
  idle: null,
  underLoad: null,
  speed: [
    {
      arm: 'sallyport',
      tier: 'read',
      inFlight: 64,
      median: {
        callsPerSecond,
        latencyMs: { p50: 50, p95: 80, p99: 90, max: 100 },
        postgresPerCall: { commits: 4, walBytes: 9_000, walSyncs: 0.5 },
        cpuMsPerCall: { 'edge-gateway': 0.4, broker: 9 },
        cpuMsPerCallInAll: { 'edge-gateway': 0.5, 'policy-decision': 0.3, broker: 9, upstream: 9 },
      },
    },
  ],
});

test('CPU of the services is without what they stand on', () => {
  expect(servicesCpuMs({ 'edge-gateway': 0.5, 'policy-decision': 0.25, postgresql: 1, broker: 1, upstream: 1 })).toBe(0.75);
});

test('a target is judged by its bound, and left out where nothing was measured', () => {
  const verdicts = verdictsOf([figuresOf('embedded', 999), figuresOf('kafka', 700)]);
  expect(verdicts.map(({ size, what, reached, met }) => [size, what, reached, met])).toEqual([
    ['kafka', 'reads, 64 in flight', 700, true],
    ['kafka', 'CPU a call, five services, 64 in flight', 0.8, true],
    ['embedded', 'reads, 64 in flight', 999, false],
  ]);
});

test('the aims are those that were set', () => {
  expect(TARGETS.map(({ size, aim, unit }) => `${size} ${aim} ${unit}`)).toEqual([
    'kafka 8 ms',
    'kafka 55 ms',
    'kafka 700 /s',
    'kafka 1.6 ms',
    'embedded 5 ms',
    'embedded 750 /s',
    'embedded 1000 /s',
    'embedded 300 MB',
    'embedded 450 MB',
    'embedded 5 %',
  ]);
});

test('without options everything is measured: both arms and tiers at 1, 16 and 64 in flight, three runs, all sizes', () => {
  expect(parseOptions([])).toMatchObject({
    sizes: ['embedded', 'kafka', 'kafka-4'],
    arms: ['direct', 'sallyport'],
    tiers: ['read', 'write'],
    inFlight: [1, 16, 64],
    runs: 3,
    calls: 100_000,
    sessions: 2_000,
  });
});

test.each([
  ['--sizes', 'embeded'],
  ['--in-flight', '0'],
  ['--runs', '1.5'],
  ['--seconds', 'ten'],
])('%s %s is refused in one line', (name, value) => {
  expect(() => parseOptions([name, value])).toThrow(new RegExp(`^${name} takes .* not ${value}$`));
});
