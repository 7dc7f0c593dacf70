import { Anchor, Button, Group } from '@mantine/core';
import { CallRecord } from '@sallyport/contracts';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { useSearchParams } from 'react-router';
import { DataGrid, focusGrid, type GridColumn } from '../../components/data-grid.js';
import { Duration } from '../../components/duration.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { LiveMark } from '../../components/live-mark.js';
import { Money } from '../../components/money.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { Empty, ErrorState, Loading } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';
import { type LiveStatus, useLiveEvents } from '../../live/live-events.js';
import { useShortcuts } from '../../shell/shortcuts.js';
import { type CallFilters, type FilterName, filtersOf, queryOf, tailQueryOf } from './call-filters.js';
import { type CallRow, rowOf, useCallRows } from './call-rows.js';
import { FilterBar } from './filter-bar.js';

const COLUMNS: readonly GridColumn<CallRow>[] = [
  {
    ...{ id: 'what', header: 'Tool', primary: true, width: 'minmax(9rem, 2fr)' },
    cell: ({ what, isPlan }) => (
      <>
        <ForeignText text={what} />
        {isPlan && ' (plan)'}
      </>
    ),
  },
  { id: 'at', header: 'Started', width: '8rem', cell: ({ startedAt }) => <Instant at={startedAt} relative /> },
  { id: 'subject', header: 'Person', width: 'minmax(5rem, 1fr)', cell: ({ subject }) => <ForeignText text={subject} /> },
  { id: 'actors', header: 'Agent', width: 'minmax(6rem, 1fr)', cell: ({ actors }) => <ForeignText text={actors === '' ? '–' : actors} /> },
  { id: 'decision', header: 'Decision', width: '7rem', cell: ({ decision }) => <StatusBadge status={decision} /> },
  {
    ...{ id: 'outcome', header: 'Outcome', width: 'minmax(12rem, 1.5fr)' },
    cell: ({ outcome, code }) => (
      <>
        <StatusBadge status={outcome} /> {code !== null && <Mono text={code} />}
      </>
    ),
  },
  { id: 'took', header: 'Took', width: '4.5rem', align: 'end', cell: ({ totalMicros }) => <Duration micros={totalMicros} /> },
  {
    ...{ id: 'price', header: 'Price', width: '6rem', align: 'end' },
    cell: ({ priceMicros, currency }) => (priceMicros === null ? '–' : <Money micros={priceMicros} currency={currency} />),
  },
];

/** Every call on record, found by what people remember of it, and as they end. */
export const Component = () => {
  const [search, setSearch] = useSearchParams();
  const filters = filtersOf(search);
  const isLive = search.get('live') === '1';
  const [nowMs] = useState(() => Date.now());
  const calls = useCallRows(filters, nowMs);
  const searchRef = useRef<HTMLInputElement>(null);

  const set = (name: FilterName | 'period' | 'live', value: string): void =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const clear = (): void => setSearch(isLive ? { live: '1' } : {}, { replace: true });
  const toggleLive = (): void => {
    // What ended since the page was asked for is asked for first.
    if (!isLive) void calls.refetch();
    set('live', isLive ? '' : '1');
  };

  useShortcuts([
    { keys: '/', does: 'Search calls', run: () => searchRef.current?.focus() },
    { keys: 'j', does: 'Next call', run: () => focusGrid('Calls', 1) },
    { keys: 'k', does: 'Call before', run: () => focusGrid('Calls', -1) },
    { keys: 'l', does: 'Follow calls live, or stop', run: toggleLive },
  ]);

  return (
    <PageFrame
      title="Calls"
      actions={
        <>
          {isLive && <Follow filters={filters} nowMs={nowMs} onCall={calls.add} />}
          <Button
            variant="default"
            size="compact-sm"
            aria-pressed={isLive}
            onClick={toggleLive}
            leftSection={isLive ? <IconPlayerPause size={14} aria-hidden /> : <IconPlayerPlay size={14} aria-hidden />}
          >
            Live
          </Button>
        </>
      }
    >
      <FilterBar filters={filters} onSet={set} onClear={clear} searchRef={searchRef} />
      {(filters.chainId !== undefined || filters.traceId !== undefined) && (
        <Group gap="xs" mb="xs">
          {filters.chainId !== undefined && (
            <>
              Chain <Mono text={filters.chainId} first={12} />
              <Anchor component="button" type="button" size="sm" onClick={() => set('chainId', '')}>
                All chains
              </Anchor>
            </>
          )}
          {filters.traceId !== undefined && (
            <>
              Trace <Mono text={filters.traceId} first={12} />
              <Anchor component="button" type="button" size="sm" onClick={() => set('traceId', '')}>
                All traces
              </Anchor>
            </>
          )}
        </Group>
      )}
      {calls.error !== null && <ErrorState error={calls.error} onRetry={() => void calls.refetch()} />}
      {calls.isPending && calls.error === null && <Loading what="the calls" />}
      {calls.data !== undefined && (
        <DataGrid
          label="Calls"
          columns={COLUMNS}
          rows={calls.rows}
          rowId={({ callId }) => callId}
          rowTo={({ callId }) => `/calls/${encodeURIComponent(callId)}`}
          hasMore={calls.hasNextPage}
          onMore={() => void calls.fetchNextPage()}
          empty={
            search.size === (isLive ? 1 : 0) ? (
              <Empty title="No call is on record yet">They stand here as soon as an agent calls something.</Empty>
            ) : (
              <Empty title="No call is like that">
                Words are found by their beginnings, and all of them must be there. What is sealed is not searched.
              </Empty>
            )
          }
        />
      )}
    </PageFrame>
  );
};

interface FollowProps {
  readonly filters: CallFilters;
  readonly nowMs: number;
  readonly onCall: (row: CallRow) => void;
}

/** Follows calls as they end, through the same filters. */
const Follow = ({ filters, nowMs, onCall }: FollowProps) => {
  const status: LiveStatus = useLiveEvents({
    path: '/v1/audit/tail',
    query: tailQueryOf(filters),
    schema: CallRecord,
    event: 'call',
    onEvent: (record) => {
      const { from, to } = queryOf(filters, nowMs);
      const isOutside = (from !== undefined && record.startedAt < from) || (to !== undefined && record.startedAt >= to);
      if (!isOutside && (filters.chainId === undefined || record.chainId === filters.chainId)) onCall(rowOf(record));
    },
  });
  return <LiveMark status={status} />;
};
