import { Anchor, Group, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { type AccountStatement, BudgetPage, type BudgetWindow, HoldsInDoubt, Spending } from '@sallyport/contracts';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import { Link, useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Money } from '../../components/money.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Empty } from '../../components/states.js';
import { BRANCHES, currenciesOf, tallyOf, WINDOWS, windowOf } from './accounts.js';
import classes from './budgets.module.css';
import { Meter, RunsOut, SpentLink, WindowCard } from './window-figures.js';

// Charts weigh more than the rest of the page, which does not wait for them.
const Spark = lazy(() => import('./spark.js'));

const REFRESH_MS = 15_000;
const PAGE_ROWS = 50;
const HOURS = 24;

/** The tree of accounts: the tenant, and below it everybody and everything that is charged. */
export const Component = () => {
  const { tenantId } = useSession();
  const [search, setSearch] = useSearchParams();
  const branch = BRANCHES.find(([kind]) => kind === search.get('kind'))?.[0] ?? 'user';
  const window = WINDOWS.find((one) => one === search.get('window')) ?? 'day';
  const set = (name: string, value: string): void => {
    const next = new URLSearchParams(search);
    next.set(name, value);
    setSearch(next, { replace: true });
  };
  return (
    <PageFrame
      title="Budgets"
      about="Every call is held against all its accounts before it goes out, and settled after. Windows are in UTC."
    >
      <Tenant tenantId={tenantId} />
      <section className={classes.section} aria-label="Accounts">
        <Group justify="space-between" mb="xs" gap="xs">
          <SegmentedControl
            size="xs"
            aria-label="Which accounts"
            value={branch}
            onChange={(value) => set('kind', value)}
            data={BRANCHES.map(([value, label]) => ({ value, label }))}
          />
          <SegmentedControl
            size="xs"
            aria-label="Which window"
            value={window}
            onChange={(value) => set('window', value)}
            data={WINDOWS.map((value) => ({ value, label: value }))}
          />
        </Group>
        <Accounts kind={branch} window={window} />
      </section>
      <InDoubt />
    </PageFrame>
  );
};

const Tenant = ({ tenantId }: { readonly tenantId: string }) => {
  const account = `tenant:${tenantId}`;
  const query = useQuery({
    queryKey: ['budget', account],
    queryFn: ({ signal }) => read(BudgetPage, '/v1/budgets', { account }, signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <QueryView query={query} what="the budget of the tenant">
      {({ accounts: [statement] }) =>
        statement === undefined ? (
          <Empty title="Nothing was charged yet">The first call of a tool with a price, or a limit, opens an account.</Empty>
        ) : (
          <Stack gap="xs">
            <Group gap="xs">
              <Title order={2}>
                <Anchor component={Link} to={`/budgets/${encodeURIComponent(account)}`} inherit>
                  <ForeignText text={tenantId} />
                </Anchor>
              </Title>
              <Text size="sm" c="dimmed">
                the whole tenant
              </Text>
            </Group>
            <div className={classes.cards}>
              {statement.windows
                .filter(({ window, limit }) => window === 'day' || window === 'month' || limit !== null)
                .toReversed()
                .map((one) => (
                  <WindowCard key={one.window} account={statement} statement={one} />
                ))}
            </div>
          </Stack>
        )
      }
    </QueryView>
  );
};

interface Row {
  readonly statement: AccountStatement;
  /** What was spent in each of the last hours, in the first currency; `null` until it is known. */
  readonly hours: readonly number[] | null;
}

const columnsOf = (window: BudgetWindow): readonly GridColumn<Row>[] => {
  const first = ({ statement }: Row) => {
    const one = windowOf(statement, window);
    return one === undefined ? null : { one, currency: currenciesOf(one)[0] };
  };
  return [
    {
      id: 'account',
      header: 'Account',
      primary: true,
      width: 'minmax(8rem, 2fr)',
      cell: ({ statement }) => <ForeignText text={statement.account.slice(statement.account.indexOf(':') + 1)} />,
    },
    {
      id: 'spent',
      header: 'Spent',
      align: 'end',
      width: '6.5rem',
      cell: (row) => {
        const found = first(row);
        if (found === null) return '–';
        const { one, currency } = found;
        return (
          <SpentLink account={row.statement.account} statement={one}>
            {currency === undefined ? `${one.calls.spent} calls` : <Money micros={tallyOf(one, currency).spent} currency={currency} />}
          </SpentLink>
        );
      },
    },
    {
      id: 'held',
      header: 'Held',
      align: 'end',
      width: '6rem',
      cell: (row) => {
        const found = first(row);
        if (found?.currency === undefined) return found === null ? '–' : `${found.one.calls.held} calls`;
        return <Money micros={tallyOf(found.one, found.currency).held} currency={found.currency} />;
      },
    },
    {
      id: 'left',
      header: 'Left',
      align: 'end',
      width: '6.5rem',
      cell: (row) => {
        const one = first(row)?.one;
        if (one === undefined || one.limit === null) return 'no limit';
        if (one.leftMicros !== null) return <Money micros={one.leftMicros} currency={one.limit.currency ?? null} />;
        return `${one.leftCalls ?? '–'} calls`;
      },
    },
    {
      id: 'meter',
      header: 'Used',
      width: '5.5rem',
      cell: (row) => {
        const one = first(row)?.one;
        return one === undefined ? null : <Meter statement={one} />;
      },
    },
    {
      id: 'rate',
      header: 'Per hour',
      align: 'end',
      width: '6.5rem',
      cell: (row) => {
        const found = first(row);
        if (found?.currency === undefined) return found === null ? '–' : `${found.one.forecast.perHour.calls} calls`;
        return <Money micros={found.one.forecast.perHour.money[found.currency] ?? 0} currency={found.currency} />;
      },
    },
    {
      id: 'out',
      header: 'Runs out',
      width: '10rem',
      cell: (row) => {
        const one = first(row)?.one;
        return one === undefined ? '–' : <RunsOut statement={one} />;
      },
    },
    {
      id: 'hours',
      header: 'Last 24 hours',
      width: '7rem',
      cell: ({ hours }) =>
        hours === null ? null : (
          <Suspense>
            <Spark data={hours} label={hours.some((spent) => spent > 0) ? 'Spent by the hour' : 'Nothing spent'} />
          </Suspense>
        ),
    },
  ];
};

const Accounts = ({ kind, window }: { readonly kind: string; readonly window: BudgetWindow }) => {
  const pages = useInfiniteQuery({
    queryKey: ['budgets', kind],
    queryFn: ({ pageParam, signal }) => read(BudgetPage, '/v1/budgets', { kind, cursor: pageParam, limit: PAGE_ROWS }, signal),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    refetchInterval: REFRESH_MS,
  });
  const statements = useMemo(() => pages.data?.pages.flatMap(({ accounts }) => accounts) ?? [], [pages.data]);
  // One question for the accounts that are read first: a picture beside each figure, not a report.
  const names = statements.slice(0, PAGE_ROWS).map(({ account }) => account);
  const spending = useQuery({
    queryKey: ['spending', 'hour', names],
    queryFn: ({ signal }) => read(Spending, '/v1/budgets/spending', { account: names, step: 'hour' }, signal),
    enabled: names.length > 0,
    staleTime: 60_000,
  });
  const rows = useMemo(
    () =>
      statements.map(
        (statement): Row => ({ statement, hours: spending.data === undefined ? null : hoursOf(spending.data, statement.account) }),
      ),
    [statements, spending.data],
  );
  const columns = useMemo(() => columnsOf(window), [window]);
  return (
    <QueryView query={pages} what="the accounts">
      {() => (
        <DataGrid
          label="Accounts"
          columns={columns}
          rows={rows}
          rowId={({ statement }) => statement.account}
          rowTo={({ statement }) => `/budgets/${encodeURIComponent(statement.account)}`}
          hasMore={pages.hasNextPage}
          onMore={() => void pages.fetchNextPage()}
          height="28rem"
          empty={
            <Empty title="No such account yet">One is opened by the first call that is charged to it, or by a limit of its own.</Empty>
          }
        />
      )}
    </QueryView>
  );
};

const HOUR_MS = 3_600_000;

/** What an account spent in each hour, in the currency that comes first. */
const hoursOf = ({ accounts, from }: Spending, account: string): number[] => {
  const steps = accounts.find((one) => one.account === account)?.steps ?? [];
  const [currency] = steps.map((step) => step.currency).toSorted();
  const spent = new Array<number>(HOURS).fill(0);
  for (const step of steps) {
    const hour = (Date.parse(step.startsAt) - Date.parse(from)) / HOUR_MS;
    if (step.currency === currency && hour >= 0 && hour < HOURS) spent[hour] = step.spentMicros;
  }
  return spent;
};

const HOLD_COLUMNS: readonly GridColumn<HoldsInDoubt['holds'][number]>[] = [
  { id: 'call', header: 'Call', primary: true, width: 'minmax(14rem, 1fr)', cell: ({ callId }) => <ForeignText text={callId} /> },
  {
    id: 'amount',
    header: 'Held',
    align: 'end',
    width: '8rem',
    cell: ({ amountMicros, currency }) => <Money micros={amountMicros} currency={currency} />,
  },
  { id: 'accounts', header: 'Against', width: 'minmax(14rem, 2fr)', cell: ({ accounts }) => <ForeignText text={accounts.join(', ')} /> },
  { id: 'at', header: 'Since', width: '13rem', cell: ({ heldAt }) => <Instant at={heldAt} /> },
];

/** Money that stays held until somebody says what became of its call. */
const InDoubt = () => {
  const query = useQuery({
    queryKey: ['holds in doubt'],
    queryFn: ({ signal }) => read(HoldsInDoubt, '/v1/budgets/in-doubt', {}, signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <section className={classes.section} aria-label="Holds in doubt">
      <Title order={2}>Holds in doubt</Title>
      <QueryView query={query} what="the holds in doubt">
        {({ holds }) => (
          <DataGrid
            label="Holds in doubt"
            columns={HOLD_COLUMNS}
            rows={holds}
            rowId={({ callId }) => callId}
            rowTo={({ callId }) => `/calls/${encodeURIComponent(callId)}`}
            height="20rem"
            empty={
              <Empty title="Nothing is in doubt">
                A call that was sent and lost keeps its hold, and is listed here until a person says what became of it.
              </Empty>
            }
          />
        )}
      </QueryView>
    </section>
  );
};
