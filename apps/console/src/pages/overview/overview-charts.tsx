import '@mantine/charts/styles.css';
import { BarChart, LineChart } from '@mantine/charts';
import type { Overview } from '@sallyport/contracts';
import { durationText } from '../../components/duration.js';
import { instantText } from '../../components/instant.js';

interface ChartProps {
  readonly overview: Overview;
  readonly height: number;
}

/** The whole of the chart is an image with words; nothing in it takes the focus. */
const QUIET = { accessibilityLayer: false, margin: { top: 6, right: 6, bottom: 0, left: 0 } } as const;
const AXES = {
  gridAxis: 'x',
  tickLine: 'none',
  withTooltip: true,
  tooltipAnimationDuration: 0,
  xAxisProps: { minTickGap: 48, tickMargin: 6 },
  yAxisProps: { width: 52, tickCount: 4 },
} as const;

const labelOf = (from: string, bucketSeconds: number): string => {
  const text = instantText(new Date(from), 'minute');
  return bucketSeconds >= 3_600 ? text.slice(5, 16) : text.slice(11, 16);
};

/** How many calls began in each stretch of time, and what became of them. */
export const CallsChart = ({ overview, height }: ChartProps) => (
  <BarChart
    {...AXES}
    h={height}
    type="stacked"
    dataKey="at"
    data={overview.buckets.map(({ from, completed, refused, failed, calls }) => ({
      at: labelOf(from, overview.bucketSeconds),
      completed,
      refused,
      failed,
      open: Math.max(0, calls - completed - refused - failed),
    }))}
    series={[
      { name: 'completed', color: 'var(--console-good)' },
      { name: 'open', color: 'var(--console-quiet)' },
      { name: 'failed', color: 'var(--console-waiting)' },
      { name: 'refused', color: 'var(--console-bad)' },
    ]}
    barChartProps={QUIET}
    barProps={{ isAnimationActive: false }}
  />
);

/** How long calls took, by stretch of time: half of them, and 95 of a hundred. */
export const LatencyChart = ({ overview, height }: ChartProps) => (
  <LineChart
    {...AXES}
    h={height}
    dataKey="at"
    data={overview.buckets.map(({ from, latency }) => ({
      at: labelOf(from, overview.bucketSeconds),
      'half of calls': latency?.p50Micros ?? null,
      '95 %': latency?.p95Micros ?? null,
    }))}
    series={[
      { name: 'half of calls', color: 'var(--mantine-color-ink-5)' },
      { name: '95 %', color: 'var(--console-waiting)' },
    ]}
    valueFormatter={(micros) => durationText(micros).replace(' ', '\u00a0')}
    connectNulls={false}
    withDots
    dotProps={{ r: 1.5 }}
    strokeWidth={1.5}
    lineChartProps={QUIET}
    lineProps={{ isAnimationActive: false }}
  />
);
