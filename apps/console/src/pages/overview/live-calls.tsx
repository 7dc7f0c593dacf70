import { Button, Group, NativeSelect, TextInput } from '@mantine/core';
import { CallPage, CallRecord } from '@sallyport/contracts';
import { IconFilter, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { Duration } from '../../components/duration.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { LiveMark } from '../../components/live-mark.js';
import { Money } from '../../components/money.js';
import { Section } from '../../components/section.js';
import { Empty, ErrorState, Loading } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';
import { useLiveEvents } from '../../live/live-events.js';
import { useShortcuts } from '../../shell/shortcuts.js';

const SHOWN_MAX = 500;
const FIRST_CALLS = 50;

const COLUMNS: readonly GridColumn<CallRecord>[] = [
  {
    id: 'target',
    header: 'Tool',
    primary: true,
    width: 'minmax(11rem, 2fr)',
    cell: ({ target, method }) => <ForeignText text={target ?? method} />,
  },
  { id: 'subject', header: 'For', width: 'minmax(6rem, 1fr)', cell: ({ principal }) => <ForeignText text={principal.subject} /> },
  {
    id: 'actor',
    header: 'Agent',
    width: 'minmax(7rem, 1fr)',
    cell: ({ principal: { actors } }) => (actors.length === 0 ? '–' : <ForeignText text={actors.join(' via ')} />),
  },
  { id: 'decision', header: 'Decision', width: '6.5rem', cell: ({ decision }) => <StatusBadge status={decision} /> },
  { id: 'outcome', header: 'Outcome', width: '6.5rem', cell: ({ outcome }) => <StatusBadge status={outcome} /> },
  { id: 'took', header: 'Took', width: '4.5rem', align: 'end', cell: ({ totalMicros }) => <Duration micros={totalMicros} /> },
  {
    id: 'price',
    header: 'Price',
    width: '5.5rem',
    align: 'end',
    cell: ({ priceMicros, currency }) => (priceMicros === null ? '–' : <Money micros={priceMicros} currency={currency} />),
  },
  { id: 'at', header: 'Started', width: '7rem', align: 'end', cell: ({ startedAt }) => <Instant at={startedAt} clock /> },
];

const DECISIONS = [
  { value: '', label: 'Every decision' },
  { value: 'allow', label: 'Allowed' },
  { value: 'deny', label: 'Denied' },
  { value: 'require-approval', label: 'People were asked' },
];

const isAbout = ({ target, method, principal }: CallRecord, words: string): boolean =>
  [target ?? method, principal.subject, ...principal.actors].some((text) => text.toLowerCase().includes(words));

/** The calls of before, and those that end from now on; newest first. */
export const LiveCalls = () => {
  const [parameters, setParameters] = useSearchParams();
  const decision = DECISIONS.find(({ value }) => value === parameters.get('decision'))?.value ?? '';
  return (
    // What was gathered under one decision is not what another asks for.
    <Calls
      key={decision}
      decision={decision}
      onDecision={(value) =>
        setParameters(
          (before) => {
            if (value === '') before.delete('decision');
            else before.set('decision', value);
            return before;
          },
          { replace: true },
        )
      }
    />
  );
};

interface CallsProps {
  readonly decision: string;
  readonly onDecision: (decision: string) => void;
}

const Calls = ({ decision, onDecision }: CallsProps) => {
  const [paused, setPaused] = useState(false);
  const [words, setWords] = useState('');
  const [ended, setEnded] = useState<readonly CallRecord[]>([]);
  const query = decision === '' ? {} : { decision };
  const earlier = useQuery({
    queryKey: ['latest-calls', decision],
    queryFn: ({ signal }) => read(CallPage, '/v1/audit/calls', { ...query, limit: FIRST_CALLS }, signal),
    staleTime: 0,
  });
  const status = useLiveEvents({
    path: '/v1/audit/tail',
    query,
    schema: CallRecord,
    paused,
    onEvent: (call) => setEnded((before) => [call, ...before.filter(({ callId }) => callId !== call.callId)].slice(0, SHOWN_MAX)),
  });
  useShortcuts([{ keys: 'p', does: paused ? 'Let calls go on' : 'Pause calls', run: () => setPaused(!paused) }]);

  const live = new Set(ended.map(({ callId }) => callId));
  const all = [...ended, ...(earlier.data?.calls ?? []).filter(({ callId }) => !live.has(callId))];
  const wanted = words.trim().toLowerCase();
  const shown = wanted === '' ? all : all.filter((call) => isAbout(call, wanted));
  return (
    <Section
      title="Latest calls"
      framed={false}
      mark={<LiveMark status={status} />}
      actions={
        <Group gap="xs">
          <TextInput
            size="xs"
            aria-label="Filter by tool, person or agent"
            placeholder="Tool, person or agent"
            leftSection={<IconFilter size={14} stroke={1.5} />}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
          />
          <NativeSelect
            size="xs"
            aria-label="Filter by decision"
            data={DECISIONS}
            value={decision}
            onChange={(event) => onDecision(event.currentTarget.value)}
          />
          <Button
            variant="default"
            size="xs"
            onClick={() => setPaused(!paused)}
            leftSection={paused ? <IconPlayerPlay size={14} stroke={1.5} /> : <IconPlayerPause size={14} stroke={1.5} />}
          >
            {paused ? 'Go on' : 'Pause'}
          </Button>
        </Group>
      }
    >
      {status.is === 'refused' && <ErrorState error={status.fault} />}
      <DataGrid
        label="Latest calls"
        columns={COLUMNS}
        rows={shown}
        rowId={({ callId }) => callId}
        rowTo={({ callId }) => `/calls/${encodeURIComponent(callId)}`}
        height="40rem"
        empty={
          earlier.isPending ? (
            <Loading what="the latest calls" />
          ) : (
            <Empty title={all.length === 0 ? 'No call yet' : 'None of the latest calls fits'}>Calls appear here as they end.</Empty>
          )
        }
      />
    </Section>
  );
};
