import { Alert, Anchor, List, VisuallyHidden } from '@mantine/core';
import { type ChainCall, ChainPage, type LabelFlow } from '@sallyport/contracts';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';
import { read } from '../../api/client.js';
import { DataGrid, focusGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Section } from '../../components/section.js';
import { Empty } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';
import { useShortcuts } from '../../shell/shortcuts.js';

const PAGE_ROWS = 100;

const In = ({ labels }: { readonly labels: readonly LabelFlow[] }) =>
  labels.length === 0
    ? '–'
    : labels.map(({ label, fromCallId }, index) => (
        <span key={label}>
          {index > 0 && ', '}
          <ForeignText text={label} />
          {fromCallId !== null && (
            <>
              {' ← '}
              <Anchor component={Link} to={`/calls/${encodeURIComponent(fromCallId)}`} size="sm">
                <VisuallyHidden>{`${label} was found first in call `}</VisuallyHidden>
                <Mono text={fromCallId.slice(-8)} />
              </Anchor>
            </>
          )}
        </span>
      ));

const COLUMNS: readonly GridColumn<ChainCall>[] = [
  {
    ...{ id: 'what', header: 'Tool', primary: true, width: 'minmax(11rem, 2fr)' },
    cell: ({ record }) => <ForeignText text={record.target ?? record.method} />,
  },
  { id: 'in', header: 'Labels in', width: 'minmax(10rem, 2fr)', cell: ({ labelsIn }) => <In labels={labelsIn} /> },
  {
    ...{ id: 'out', header: 'Labels out', width: 'minmax(8rem, 1fr)' },
    cell: ({ labelsOut }) => (labelsOut.length === 0 ? '–' : <ForeignText text={labelsOut.join(', ')} />),
  },
  { id: 'decision', header: 'Decision', width: '8rem', cell: ({ record }) => <StatusBadge status={record.decision} /> },
  { id: 'outcome', header: 'Outcome', width: '8rem', cell: ({ record }) => <StatusBadge status={record.outcome} /> },
  { id: 'call', header: 'Call', width: '7rem', cell: ({ record }) => <Mono text={record.callId.slice(-8)} /> },
  { id: 'at', header: 'Started', width: '13rem', align: 'end', cell: ({ record }) => <Instant at={record.startedAt} /> },
];

/** The calls of a chain in their order, with the labels that went from one to the next, and what stopped it. */
export const Component = () => {
  const { chainId = '' } = useParams();
  const query = useInfiniteQuery({
    queryKey: ['chain', chainId],
    queryFn: ({ pageParam, signal }) =>
      read(ChainPage, `/v1/audit/chains/${encodeURIComponent(chainId)}`, { limit: PAGE_ROWS, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
  });
  useShortcuts([
    { keys: 'j', does: 'Next call', run: () => focusGrid('Calls of the chain', 1) },
    { keys: 'k', does: 'Call before', run: () => focusGrid('Calls of the chain', -1) },
  ]);
  return (
    <PageFrame
      title="Chain"
      about={<Mono text={chainId} copy="chain id" />}
      actions={
        <Anchor component={Link} to={`/calls?${new URLSearchParams({ chainId })}`} size="sm">
          Search its calls
        </Anchor>
      }
    >
      <QueryView query={query} what="the chain">
        {({ pages }) => {
          const [first] = pages;
          const calls = pages.flatMap((page) => page.calls);
          return (
            <>
              {first?.poisoned === true && (
                <Alert
                  color="gray"
                  styles={{ label: { color: 'var(--mantine-color-text)' } }}
                  variant="outline"
                  mb="md"
                  icon={<IconAlertTriangle size={18} color="var(--console-bad)" aria-hidden />}
                  title="This chain is poisoned"
                >
                  A message of it could not be handled, so that its labels may be incomplete. Its calls are refused until somebody has
                  looked and clears it: <code>sallyport chain resolve</code>.
                </Alert>
              )}
              {first !== undefined && first.turns.length > 0 && (
                <Section title="What stopped it">
                  <List size="sm">
                    {first.turns.map(({ at, kind, by, why }) => (
                      <List.Item key={`${at} ${kind}`}>
                        <Instant at={at} />: {kind} by <ForeignText text={by} />, <ForeignText text={why} />
                      </List.Item>
                    ))}
                  </List>
                </Section>
              )}
              <DataGrid
                label="Calls of the chain"
                columns={COLUMNS}
                rows={calls}
                rowId={({ record }) => record.callId}
                rowTo={({ record }) => `/calls/${encodeURIComponent(record.callId)}`}
                hasMore={query.hasNextPage}
                onMore={() => void query.fetchNextPage()}
                empty={<Empty title="No call of this chain is on record" />}
              />
            </>
          );
        }}
      </QueryView>
    </PageFrame>
  );
};
