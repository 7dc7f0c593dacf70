import { Anchor, SegmentedControl, Skeleton, Table, Text, Title } from '@mantine/core';
import { Spending, type SpendingStep } from '@sallyport/contracts';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { Link, useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { Instant } from '../../components/instant.js';
import { Money } from '../../components/money.js';
import { QueryView } from '../../components/query-view.js';
import { Scrolled } from '../../components/scrolled.js';
import { callsOf, STEP_MS } from './accounts.js';
import classes from './budgets.module.css';

// Charts weigh more than the rest of the page, which does not wait for them.
const StepChart = lazy(() => import('./step-chart.js'));

/** What an account spent over time, as a chart and, for eyes and ears that read rather, as figures that lead to the calls. */
export const SpendingCharts = ({ account }: { readonly account: string }) => {
  const [search, setSearch] = useSearchParams();
  const step = search.get('step') === 'day' ? 'day' : 'hour';
  const query = useQuery({
    queryKey: ['spending', step, [account]],
    queryFn: ({ signal }) => read(Spending, '/v1/budgets/spending', { account, step }, signal),
    refetchInterval: 60_000,
  });
  return (
    <section className={classes.section} aria-label="Spent over time">
      <Title order={2}>Spent over time</Title>
      <SegmentedControl
        size="xs"
        mb="xs"
        aria-label="Steps"
        value={step}
        onChange={(value) => {
          const next = new URLSearchParams(search);
          next.set('step', value);
          setSearch(next, { replace: true });
        }}
        data={[
          { value: 'hour', label: 'Last 24 hours' },
          { value: 'day', label: 'Last 31 days' },
        ]}
      />
      <QueryView query={query} what="what was spent">
        {(spending) => {
          const steps = spending.accounts[0]?.steps ?? [];
          if (steps.length === 0) return <Text size="sm">Nothing was spent in this time.</Text>;
          const currencies = [...new Set(steps.map(({ currency }) => currency))].toSorted();
          return (
            <>
              {currencies.map((currency) => (
                <Suspense key={currency} fallback={<Skeleton h={140} />}>
                  <StepChart spending={spending} steps={steps.filter((one) => one.currency === currency)} currency={currency} />
                </Suspense>
              ))}
              <Figures account={account} step={step} steps={steps} />
            </>
          );
        }}
      </QueryView>
    </section>
  );
};

interface FiguresProps {
  readonly account: string;
  readonly step: 'hour' | 'day';
  readonly steps: readonly SpendingStep[];
}

const Figures = ({ account, step, steps }: FiguresProps) => (
  <Scrolled label="Figures" maxHeight="16rem">
    <Table fz="sm" verticalSpacing={2}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">{step === 'day' ? 'Day (UTC)' : 'Hour'}</Table.Th>
          <Table.Th scope="col" ta="end">
            Spent
          </Table.Th>
          <Table.Th scope="col" ta="end">
            Calls
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {steps.toReversed().map(({ startsAt, currency, spentMicros, calls }) => (
          <Table.Tr key={`${startsAt} ${currency}`}>
            <Table.Td>
              <Instant at={startsAt} precision="minute" />
            </Table.Td>
            <Table.Td ta="end">
              <Money micros={spentMicros} currency={currency} />
            </Table.Td>
            <Table.Td ta="end">
              <Anchor
                component={Link}
                size="sm"
                to={callsOf(account, { from: startsAt, to: new Date(Date.parse(startsAt) + STEP_MS[step]).toISOString() })}
                aria-label={`${calls} calls from ${startsAt}`}
              >
                {calls}
              </Anchor>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  </Scrolled>
);
