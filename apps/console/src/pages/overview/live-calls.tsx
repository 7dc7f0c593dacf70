import { Button, Group, Text } from '@mantine/core';
import { CallRecord } from '@sallyport/contracts';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { LiveMark } from '../../components/live-mark.js';
import { Money } from '../../components/money.js';
import { Empty } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';
import { useLiveEvents } from '../../live/live-events.js';

const SHOWN_MAX = 500;

const COLUMNS: readonly GridColumn<CallRecord>[] = [
  {
    id: 'target',
    header: 'Tool',
    primary: true,
    width: 'minmax(12rem, 2fr)',
    cell: ({ target, method }) => <ForeignText text={target ?? method} />,
  },
  { id: 'subject', header: 'For', cell: ({ principal }) => <ForeignText text={principal.subject} /> },
  { id: 'actor', header: 'Agent', cell: ({ principal }) => <ForeignText text={principal.actors.join(' via ') || '–'} /> },
  { id: 'decision', header: 'Decision', width: '8rem', cell: ({ decision }) => <StatusBadge status={decision} /> },
  { id: 'outcome', header: 'Outcome', width: '8rem', cell: ({ outcome }) => <StatusBadge status={outcome} /> },
  {
    id: 'price',
    header: 'Price',
    width: '8rem',
    align: 'end',
    cell: ({ priceMicros, currency }) => <Money micros={priceMicros} currency={currency} />,
  },
  { id: 'at', header: 'Started', width: '13rem', align: 'end', cell: ({ startedAt }) => <Instant at={startedAt} /> },
];

/** Calls as they end, newest first. */
export const LiveCalls = () => {
  const [paused, setPaused] = useState(false);
  const [calls, setCalls] = useState<readonly CallRecord[]>([]);
  const status = useLiveEvents({
    path: '/v1/audit/tail',
    schema: CallRecord,
    paused,
    onEvent: (call) => setCalls((before) => [call, ...before.filter(({ callId }) => callId !== call.callId)].slice(0, SHOWN_MAX)),
  });
  return (
    <section aria-label="Calls as they end">
      <Group justify="space-between" mb="xs">
        <Group gap="sm">
          <Text fw={600}>Calls</Text>
          <LiveMark status={status} />
        </Group>
        <Button
          variant="default"
          size="compact-sm"
          onClick={() => setPaused(!paused)}
          leftSection={paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
        >
          {paused ? 'Go on' : 'Pause'}
        </Button>
      </Group>
      <DataGrid
        label="Calls as they end"
        columns={COLUMNS}
        rows={calls}
        rowId={({ callId }) => callId}
        empty={<Empty title="No call has ended since this page was opened">They appear here by themselves.</Empty>}
      />
    </section>
  );
};
