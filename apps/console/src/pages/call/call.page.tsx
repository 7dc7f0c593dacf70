import { Accordion, Anchor, Badge, SimpleGrid, Stack, Table, Text, Timeline, VisuallyHidden } from '@mantine/core';
import { CallDetail, type CallRecord, type Redaction, type StoredEvent } from '@sallyport/contracts';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { read } from '../../api/client.js';
import { Duration } from '../../components/duration.js';
import { type Fact, Facts } from '../../components/facts.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { JsonView } from '../../components/json-view.js';
import { Money } from '../../components/money.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Section } from '../../components/section.js';
import { StatusBadge } from '../../components/status-badge.js';
import { RuleTexts } from './rule-text.js';
import { VerifyPanel } from './verify-panel.js';
import { Waterfall } from './waterfall.js';

/** Calls like this one in one respect. */
const Alike = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <Anchor component={Link} to={`/calls?${new URLSearchParams({ [name]: value })}`} size="sm">
    <ForeignText text={value} />
  </Anchor>
);

/** One call: who, what, by which rule, at what price and with what outcome, where its time went, and its place in the record. */
export const Component = () => {
  const { callId = '' } = useParams();
  const query = useQuery({
    queryKey: ['call', callId],
    queryFn: ({ signal }) => read(CallDetail, `/v1/audit/calls/${encodeURIComponent(callId)}`, undefined, signal),
    // A call that has not ended goes on.
    refetchInterval: ({ state }) => (state.data !== undefined && (state.data.record?.endedAt ?? null) === null ? 2_000 : false),
  });
  const record = query.data?.record ?? null;
  const what = record === null ? 'Call' : (record.target ?? record.method);
  return (
    <PageFrame
      title={record === null ? 'Call' : 'A call'}
      heading={<ForeignText text={what} />}
      about={<Mono text={callId} copy="call id" />}
      actions={
        record !== null && (
          <>
            {record.purpose === 'plan' && <Badge variant="outline">plan</Badge>}
            <StatusBadge status={record.decision} />
            <StatusBadge status={record.outcome} />
          </>
        )
      }
    >
      <QueryView query={query} what="the call">
        {(detail) => <Account callId={callId} detail={detail} />}
      </QueryView>
    </PageFrame>
  );
};

const Account = ({ callId, detail }: { readonly callId: string; readonly detail: CallDetail }) => {
  const { record } = detail;
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" verticalSpacing="lg">
        {record !== null && <Asked record={record} traceUrl={detail.traceUrl} />}
        <Section title="Where the time went">
          {detail.spans.length === 0 ? <None>No event tells of time yet.</None> : <Waterfall spans={detail.spans} />}
        </Section>
        <Decisions detail={detail} />
        {record?.approval != null && <Approval approval={record.approval} />}
        <MoneyTable detail={detail} />
        <Dispatches detail={detail} />
      </SimpleGrid>
      <Content detail={detail} />
      <VerifyPanel callId={callId} detail={detail} />
      <Events events={detail.events} />
    </Stack>
  );
};

const None = ({ children }: { readonly children: ReactNode }) => (
  <Text size="sm" c="dimmed">
    {children}
  </Text>
);

const Asked = ({ record, traceUrl }: { readonly record: CallRecord; readonly traceUrl: string | null }) => {
  const { principal, claimed } = record;
  const claims = (
    [
      ['model', claimed.model],
      ['client', claimed.client],
      ['intent', claimed.intent],
      ['prompt', claimed.prompt],
    ] as const
  ).flatMap(([name, value]): Fact[] => (value === null ? [] : [{ name: `Claims as ${name}`, value: <ForeignText text={value} /> }]));
  const facts: readonly Fact[] = [
    { name: 'Person', value: <Alike name="subject" value={principal.subject} /> },
    {
      name: 'Agents, the caller first',
      value:
        principal.actors.length === 0
          ? '–'
          : principal.actors.map((actor, index) => (
              <span key={actor}>
                {index > 0 && ', '}
                <Alike name="agent" value={actor} />
              </span>
            )),
    },
    { name: 'Tool', value: record.target === null ? '–' : <ToolLink record={record} target={record.target} /> },
    { name: 'Risk', value: record.riskTier ?? 'not in the catalog' },
    {
      name: 'Asked by',
      value: (
        <>
          <Mono text={record.method} /> over {record.transport}
        </>
      ),
    },
    { name: 'Started', value: <Instant at={record.startedAt} precision="millisecond" /> },
    { name: 'Ended', value: <Instant at={record.endedAt} precision="millisecond" otherwise="not yet" /> },
    { name: 'Took', value: <Duration micros={record.totalMicros} /> },
    ...(record.code === null ? [] : [{ name: 'Code', value: <Alike name="text" value={record.code} /> }]),
    ...(record.reasons.length === 0 ? [] : [{ name: 'Reasons', value: <ForeignText text={record.reasons.join(', ')} /> }]),
    {
      name: 'Chain',
      value: (
        <Anchor component={Link} to={`/chains/${encodeURIComponent(record.chainId)}`} size="sm">
          <Mono text={record.chainId} first={12} />
        </Anchor>
      ),
    },
    {
      name: 'Trace',
      value:
        traceUrl === null ? (
          <Mono text={record.traceId} copy="trace id" first={12} />
        ) : (
          <Anchor href={traceUrl} target="_blank" rel="noopener noreferrer" size="sm">
            <Mono text={record.traceId} first={12} />
          </Anchor>
        ),
    },
    ...claims,
  ];
  return (
    <Section title="What was asked">
      <Facts facts={facts} />
    </Section>
  );
};

const ToolLink = ({ record, target }: { readonly record: CallRecord; readonly target: string }) => {
  const slash = target.indexOf('/');
  if (record.riskTier === null || slash < 0) return <Alike name="tool" value={target} />;
  const path = `/catalog/${encodeURIComponent(target.slice(0, slash))}/${encodeURIComponent(target.slice(slash + 1))}`;
  return (
    <Anchor component={Link} to={path} size="sm">
      <ForeignText text={target} />
    </Anchor>
  );
};

const Decisions = ({ detail }: { readonly detail: CallDetail }) => (
  <Section title="Decision">
    {detail.decisions.length === 0 ? (
      <None>Nobody decided: the gateway refused the call by itself, or the decision is not on record yet.</None>
    ) : (
      <Stack gap="sm">
        {detail.decisions.map(
          ({ eventId, evaluation, at, effect, code, policyIds, policySetHash, engine, reasons, obligations, durationMicros }) => (
            <div key={eventId}>
              <Facts
                facts={[
                  {
                    name: detail.decisions.length === 1 ? 'Effect' : `Effect of evaluation ${evaluation}`,
                    value: <StatusBadge status={effect} />,
                  },
                  ...(code === null ? [] : [{ name: 'Code', value: <Mono text={code} /> }]),
                  ...(reasons.length === 0 ? [] : [{ name: 'Reasons', value: <ForeignText text={reasons.join(', ')} /> }]),
                  ...obligations.map((duty, index) => ({
                    name: `Must ${duty.type}${index === 0 ? '' : ` (${index + 1})`}`,
                    value: (
                      <ForeignText text={'labels' in duty ? duty.labels.join(', ') : 'ruleIds' in duty ? duty.ruleIds.join(', ') : 'yes'} />
                    ),
                  })),
                  { name: 'At', value: <Instant at={at} precision="millisecond" /> },
                  {
                    name: 'Policy set',
                    value: (
                      <>
                        <Mono text={policySetHash} copy="policy set hash" first={18} /> by {engine}, in <Duration micros={durationMicros} />
                      </>
                    ),
                  },
                ]}
              />
              <Text size="sm" fw={600} mt="xs" mb={4}>
                Rules
              </Text>
              <RuleTexts policyIds={policyIds} policySetHash={policySetHash} />
            </div>
          ),
        )}
      </Stack>
    )}
  </Section>
);

const Approval = ({ approval }: { readonly approval: NonNullable<CallRecord['approval']> }) => (
  <Section title="Approval">
    <Facts
      facts={[
        { name: 'Status', value: <StatusBadge status={approval.status} /> },
        {
          name: 'Request',
          value: (
            <Anchor component={Link} to={`/approvals/${encodeURIComponent(approval.approvalId)}`} size="sm">
              <Mono text={approval.approvalId} first={16} />
            </Anchor>
          ),
        },
        { name: 'Asked by', value: <ForeignText text={approval.ruleIds.join(', ') || '–'} /> },
        { name: 'Asked', value: <Instant at={approval.askedAt} /> },
        { name: 'Answered', value: <Instant at={approval.answeredAt} otherwise="not yet" /> },
        ...(approval.answeredBy.length === 0 ? [] : [{ name: 'By', value: <ForeignText text={approval.answeredBy.join(', ')} /> }]),
        ...(approval.channel === null ? [] : [{ name: 'Over', value: <ForeignText text={approval.channel} /> }]),
        ...(approval.why === null ? [] : [{ name: 'Because', value: <ForeignText text={approval.why} /> }]),
        ...(approval.expiresAt === null ? [] : [{ name: 'Until', value: <Instant at={approval.expiresAt} /> }]),
      ]}
    />
  </Section>
);

const MoneyTable = ({ detail }: { readonly detail: CallDetail }) => (
  <Section title="Money">
    {detail.money.length === 0 ? (
      <None>The accountant said nothing of this call: it costs nothing, or was refused before.</None>
    ) : (
      <Table.ScrollContainer minWidth={320} type="native">
        <Table verticalSpacing={4} horizontalSpacing="xs" aria-label="Money">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">What</Table.Th>
              <Table.Th scope="col">Account</Table.Th>
              <Table.Th scope="col" ta="end">
                Amount
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {detail.money.flatMap(({ eventId, kind, amounts, currency, reason }) =>
              (amounts.length === 0 ? [null] : amounts).map((amount) => (
                <Table.Tr key={`${eventId} ${amount?.account ?? ''}`}>
                  <Table.Td>
                    {kind}
                    {reason !== null && (
                      <>
                        {' '}
                        (<ForeignText text={reason} />)
                      </>
                    )}
                  </Table.Td>
                  <Table.Td>{amount === null ? '–' : <ForeignText text={amount.account} />}</Table.Td>
                  <Table.Td ta="end">{amount === null ? '–' : <Money micros={amount.amountMicros} currency={currency} />}</Table.Td>
                </Table.Tr>
              )),
            )}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    )}
  </Section>
);

const Dispatches = ({ detail }: { readonly detail: CallDetail }) => (
  <Section title="Upstream">
    {detail.dispatches.length === 0 ? (
      <None>Nothing was sent to the tool.</None>
    ) : (
      <Stack gap="sm">
        {detail.dispatches.map(({ eventId, at, server, routeVersion, attempt, tokenId, toolDigest, dryRun }) => (
          <Facts
            key={eventId}
            facts={[
              { name: 'Server', value: <ForeignText text={server} /> },
              { name: 'Attempt', value: `${attempt}${dryRun ? ', a dry run' : ''}` },
              { name: 'Route version', value: <Mono text={routeVersion} /> },
              { name: 'Sent', value: <Instant at={at} precision="millisecond" /> },
              {
                name: 'Token id (jti)',
                value: tokenId === null ? 'none: it takes no token' : <Mono text={tokenId} copy="token id" first={16} />,
              },
              { name: 'Definition', value: toolDigest === null ? '–' : <Mono text={toolDigest} copy="definition digest" first={18} /> },
            ]}
          />
        ))}
      </Stack>
    )}
  </Section>
);

const Masks = ({ redactions }: { readonly redactions: readonly Redaction[] }) =>
  redactions.length === 0 ? null : (
    <Text size="xs" c="dimmed" component="div">
      Masked:{' '}
      {redactions.map(({ label, path, count }, index) => (
        <span key={`${label} ${path}`}>
          {index > 0 && ', '}
          <ForeignText text={`${label} ×${count} at ${path}`} />
        </span>
      ))}
    </Text>
  );

const Content = ({ detail }: { readonly detail: CallDetail }) => {
  const { record, argumentsMasked, outputMasked, paramsHash, outputHash } = detail;
  return (
    <Section title="Content, as masked on record">
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <div>
            <Text size="sm" fw={600}>
              Arguments
            </Text>
            {argumentsMasked === null ? <None>None on record.</None> : <JsonView what="the arguments" value={argumentsMasked} />}
            <Masks redactions={record?.argumentRedactions ?? []} />
          </div>
          <div>
            <Text size="sm" fw={600}>
              Answer
            </Text>
            {outputMasked === null ? (
              <None>None on record: there was none, or it was larger than 16 KiB.</None>
            ) : (
              <JsonView what="the answer" value={outputMasked} />
            )}
            <Masks redactions={record?.resultRedactions ?? []} />
          </div>
        </SimpleGrid>
        <Facts
          facts={[
            { name: 'Labels', value: <ForeignText text={record?.labels.join(', ') || 'none'} /> },
            {
              name: 'Keyed hash of the arguments',
              value: paramsHash === null ? '–' : <Mono text={paramsHash} copy="hash of the arguments" first={16} />,
            },
            {
              name: 'Keyed hash of the answer',
              value: outputHash === null ? '–' : <Mono text={outputHash} copy="hash of the answer" first={16} />,
            },
          ]}
        />
      </Stack>
    </Section>
  );
};

const Events = ({ events }: { readonly events: readonly StoredEvent[] }) => (
  <Section title="Events">
    <Timeline bulletSize={12} lineWidth={1}>
      {events.map((event) => (
        <Timeline.Item key={`${event.topic} ${event.partition} ${event.position}`} title={<ForeignText text={event.type} />}>
          <Text size="xs" c="dimmed" component="div">
            <Instant at={event.occurredAt} precision="millisecond" /> by <ForeignText text={event.source} />, entry {event.entry} of{' '}
            {event.topic}, partition {event.partition}, hash <Mono text={event.hash} copy="hash" first={12} />
          </Text>
          <Accordion variant="default" order={3}>
            <Accordion.Item value="raw">
              <Accordion.Control>
                As recorded
                <VisuallyHidden>{`: entry ${event.entry} of ${event.topic}, ${event.type}`}</VisuallyHidden>
              </Accordion.Control>
              <Accordion.Panel>
                <JsonView what={`the event ${event.type}`} value={event.data} />
              </Accordion.Panel>
            </Accordion.Item>
          </Accordion>
        </Timeline.Item>
      ))}
    </Timeline>
  </Section>
);
