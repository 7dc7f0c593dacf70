import { Anchor, Progress } from '@mantine/core';
import type { AccountStatement, WindowStatement } from '@sallyport/contracts';
import { Link } from 'react-router';
import { Instant } from '../../components/instant.js';
import { Money } from '../../components/money.js';
import { callsOf, currenciesOf, tallyOf, usedParts } from './accounts.js';
import classes from './budgets.module.css';

/** How full a limit is: spent, and held for what runs. Nothing without a limit. */
export const Meter = ({ statement }: { readonly statement: WindowStatement }) => {
  const parts = usedParts(statement);
  if (parts === null) return null;
  const { spent, held } = parts;
  const tone =
    spent + held >= 100 ? 'var(--console-bad)' : statement.forecast.runsOutAt === null ? 'var(--console-good)' : 'var(--console-waiting)';
  return (
    <Progress.Root size="sm" className={classes.meter}>
      <Progress.Section value={spent} color={tone} aria-label={`${Math.round(spent)} % spent`} />
      <Progress.Section value={held} color="var(--console-quiet)" striped aria-label={`${Math.round(held)} % held`} />
    </Progress.Root>
  );
};

/** What is spent, and the way to its calls. */
export const SpentLink = ({
  account,
  statement,
  children,
}: {
  readonly account: string;
  readonly statement: WindowStatement;
  readonly children: React.ReactNode;
}) => (
  <Anchor component={Link} to={callsOf(account, { from: statement.startsAt, to: statement.resetsAt })} size="sm">
    {children}
  </Anchor>
);

/** When a window runs out at its rate so far. */
export const RunsOut = ({ statement: { forecast, resetsAt, limit } }: { readonly statement: WindowStatement }) => {
  if (limit === null) return <span>no limit</span>;
  if (forecast.runsOutAt === null) return <span>lasts</span>;
  const isOver = Date.parse(forecast.runsOutAt) <= Date.now();
  return (
    <span className={classes.over}>
      {isOver ? (
        <>
          empty until <Instant at={resetsAt} precision="minute" />
        </>
      ) : (
        <Instant at={forecast.runsOutAt} precision="minute" />
      )}
    </span>
  );
};

const LABELS = { minute: 'This minute', hour: 'This hour', day: 'Today (UTC)', month: 'This month (UTC)' } as const;

/** One window of an account in full. */
export const WindowCard = ({
  account: { account },
  statement,
}: {
  readonly account: AccountStatement;
  readonly statement: WindowStatement;
}) => {
  const { window, limit, calls, leftMicros, leftCalls, resetsAt, forecast } = statement;
  const currencies = currenciesOf(statement);
  return (
    <section className={classes.card} aria-label={LABELS[window]}>
      <h3>{LABELS[window]}</h3>
      <Meter statement={statement} />
      <dl className={classes.facts}>
        {currencies.map((currency) => {
          const { spent, held } = tallyOf(statement, currency);
          return (
            <Rows
              key={currency}
              rows={[
                [
                  'Spent',
                  <SpentLink key="s" account={account} statement={statement}>
                    <Money micros={spent} currency={currency} />
                  </SpentLink>,
                ],
                ['Held', <Money key="h" micros={held} currency={currency} />],
                ...(limit?.currency === currency && limit.maxMicros !== undefined
                  ? ([
                      ['Left', <Money key="l" micros={leftMicros} currency={currency} />],
                      ['Limit', <Money key="m" micros={limit.maxMicros} currency={currency} />],
                    ] as const)
                  : []),
                ['Per hour', <Money key="p" micros={forecast.perHour.money[currency] ?? 0} currency={currency} />],
                ['By its end', <Money key="e" micros={forecast.atReset.money[currency] ?? 0} currency={currency} />],
              ]}
            />
          );
        })}
        <Rows
          rows={[
            [
              'Calls',
              <SpentLink key="c" account={account} statement={statement}>
                {String(calls.spent)}
              </SpentLink>,
            ],
            ...(calls.held > 0 ? ([['Calls that run', calls.held]] as const) : []),
            ...(limit?.maxCalls === undefined ? [] : ([['Calls left', `${leftCalls} of ${limit.maxCalls}`]] as const)),
            ['Runs out', <RunsOut key="r" statement={statement} />],
            ['Resets', <Instant key="t" at={resetsAt} precision="minute" />],
          ]}
        />
      </dl>
    </section>
  );
};

const Rows = ({ rows }: { readonly rows: readonly (readonly [label: string, value: React.ReactNode])[] }) => (
  <>
    {rows.map(([label, value]) => (
      <div key={label} style={{ display: 'contents' }}>
        <dt>{label}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </>
);
