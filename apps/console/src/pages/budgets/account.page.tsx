import { Anchor, Button, Group, List, Text, Title } from '@mantine/core';
import { BudgetPage, HoldsInDoubt, type LimitInForce } from '@sallyport/contracts';
import { IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Money } from '../../components/money.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Section } from '../../components/section.js';
import { Empty } from '../../components/states.js';
import { limitInForceOf, WINDOWS } from './accounts.js';
import classes from './budgets.module.css';
import { LimitDialog } from './limit-dialog.js';
import { SpendingCharts } from './spending-charts.js';
import { WindowCard } from './window-figures.js';

const REFRESH_MS = 15_000;

/** One account: its windows, what it spent over time, its limits and who set them, what is held in doubt. */
export const Component = () => {
  const { account = '' } = useParams();
  const query = useQuery({
    queryKey: ['budget', account],
    queryFn: ({ signal }) => read(BudgetPage, '/v1/budgets', { account }, signal),
    refetchInterval: REFRESH_MS,
  });
  return (
    <PageFrame
      title={`Budget of ${account}`}
      heading={<ForeignText text={account} />}
      about={
        <Anchor component={Link} to="/budgets" size="sm">
          All accounts
        </Anchor>
      }
    >
      <QueryView query={query} what="the account">
        {({ accounts: [statement], limits }) => (
          <>
            {statement === undefined ? (
              <Empty title="Nothing was charged to this account">Its limits hold for the first call all the same.</Empty>
            ) : (
              <Section title="Now" framed={false}>
                <div className={classes.cards}>
                  {WINDOWS.flatMap((window) => {
                    const one = statement.windows.find((found) => found.window === window);
                    return one === undefined ? [] : [<WindowCard key={window} account={statement} statement={one} />];
                  })}
                </div>
              </Section>
            )}
            <SpendingCharts account={account} />
            <Limits
              account={account}
              own={limits.find((one) => one.account === account)}
              inForce={statement && limitInForceOf(statement, limits)}
            />
            <AccountInDoubt account={account} />
          </>
        )}
      </QueryView>
    </PageFrame>
  );
};

interface LimitsProps {
  readonly account: string;
  /** What was ever set for this account itself. */
  readonly own: LimitInForce | undefined;
  readonly inForce: LimitInForce | undefined;
}

const Limits = ({ account, own, inForce }: LimitsProps) => {
  const { scopes } = useSession();
  const [isOpen, setOpen] = useState(false);
  const shown = inForce ?? own;
  return (
    <section className={classes.section} aria-label="Limits">
      <Group justify="space-between" mb="xs">
        <Title order={2}>Limits</Title>
        {scopes.includes('sallyport:operate') && (
          <Button size="compact-sm" variant="default" leftSection={<IconPencil size={14} stroke={1.5} />} onClick={() => setOpen(true)}>
            {own?.limit ? 'Change the limit…' : 'Set a limit…'}
          </Button>
        )}
      </Group>
      {shown === undefined ? (
        <Text size="sm">This account has no limit, and no limit of its kind holds for it.</Text>
      ) : (
        <LimitText limit={shown} isShared={shown.account !== account} />
      )}
      <LimitDialog account={account} limit={own?.limit ?? null} opened={isOpen} onClose={() => setOpen(false)} />
    </section>
  );
};

const LimitText = ({
  limit: { account, limit, declared, changedBy, why, changedAt },
  isShared,
}: {
  readonly limit: LimitInForce;
  readonly isShared: boolean;
}) => (
  <div>
    {limit === null ? (
      <Text size="sm">The limit of this account was removed.</Text>
    ) : (
      <List size="sm">
        {Object.entries(limit).map(([window, bound]) =>
          bound === undefined ? null : (
            <List.Item key={window}>
              {bound.maxMicros !== undefined && <Money micros={bound.maxMicros} currency={bound.currency ?? null} />}
              {bound.maxMicros !== undefined && bound.maxCalls !== undefined && ' and '}
              {bound.maxCalls !== undefined && `${bound.maxCalls} calls`} a {window}
            </List.Item>
          ),
        )}
      </List>
    )}
    <Text size="sm" c="dimmed" component="div" mt={4}>
      {isShared && (
        <>
          Shared by all of its kind (<ForeignText text={account} />
          ).{' '}
        </>
      )}
      {declared ? 'Declared in the files. ' : ''}Set by <ForeignText text={changedBy} /> <Instant at={changedAt} />:{' '}
      <ForeignText text={why} />
    </Text>
  </div>
);

const AccountInDoubt = ({ account }: { readonly account: string }) => {
  const { data } = useQuery({
    queryKey: ['holds in doubt'],
    queryFn: ({ signal }) => read(HoldsInDoubt, '/v1/budgets/in-doubt', {}, signal),
  });
  const holds = data?.holds.filter(({ accounts }) => accounts.includes(account)) ?? [];
  if (holds.length === 0) return null;
  return (
    <section className={classes.section} aria-label="Holds in doubt">
      <Title order={2}>Holds in doubt</Title>
      <List size="sm">
        {holds.map(({ callId, amountMicros, currency, heldAt }) => (
          <List.Item key={callId}>
            <Money micros={amountMicros} currency={currency} /> since <Instant at={heldAt} /> for call{' '}
            <Anchor component={Link} to={`/calls/${encodeURIComponent(callId)}`} size="sm">
              <Mono text={callId} />
            </Anchor>
          </List.Item>
        ))}
      </List>
    </section>
  );
};
