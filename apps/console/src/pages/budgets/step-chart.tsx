import { BarChart } from '@mantine/charts';
import type { Spending, SpendingStep } from '@sallyport/contracts';
import { instantText } from '../../components/instant.js';
import { moneyText } from '../../components/money.js';
import { STEP_MS } from './accounts.js';

interface StepChartProps {
  readonly spending: Spending;
  readonly steps: readonly SpendingStep[];
  readonly currency: string;
}

/** What was spent in one currency, step by step; the steps in which nothing was included. */
const StepChart = ({ spending: { step, from, to }, steps, currency }: StepChartProps) => {
  const spent = new Map(steps.map(({ startsAt, spentMicros }) => [Date.parse(startsAt), spentMicros]));
  const data: { readonly at: string; readonly spent: number }[] = [];
  for (let atMs = Date.parse(from); atMs < Date.parse(to); atMs += STEP_MS[step])
    data.push({ at: instantText(new Date(atMs), 'minute', step === 'day' ? 'UTC' : undefined), spent: spent.get(atMs) ?? 0 });
  return (
    <div role="img" aria-label={`Spent by the ${step}, in ${currency}; the figures are below`}>
      <BarChart
        h={140}
        data={data}
        dataKey="at"
        series={[{ name: 'spent', label: 'Spent', color: 'var(--mantine-primary-color-filled)' }]}
        valueFormatter={(micros) => moneyText(micros, currency)}
        withXAxis={false}
        gridAxis="y"
        yAxisProps={{ width: 90 }}
        barProps={{ isAnimationActive: false }}
      />
    </div>
  );
};
export default StepChart;
