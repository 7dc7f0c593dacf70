import { Alert, Anchor, Button, Card, Group, Stack, Text, Title } from '@mantine/core';
import { CatalogTool, ToolRecord } from '@sallyport/contracts';
import { IconAlertTriangle, IconFlask } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { change, read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { reportDone } from '../../components/action-result.js';
import { Confirm } from '../../components/confirm.js';
import { Facts } from '../../components/facts.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Money } from '../../components/money.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { StatusBadge } from '../../components/status-badge.js';
import { lackingOf, ToolState, WARNINGS_IN_WORDS } from './catalog-columns.js';
import { DefinitionDiff } from './definition-diff.js';
import { partsOf } from './definition-parts.js';
import { StopSwitch } from './stop-switch.js';

const HASH_SHOWN = 19;

/** One tool: its record, what it was accepted as, and what its server says of it now. */
export const Component = () => {
  const { server = '', tool = '' } = useParams();
  const id = `${server}/${tool}`;
  const query = useQuery({
    queryKey: ['catalog', 'tool', id],
    queryFn: ({ signal }) => read(CatalogTool, `/v1/catalog/${encodeURIComponent(server)}/${encodeURIComponent(tool)}`, {}, signal),
  });
  return (
    <PageFrame
      title={id}
      heading={<ForeignText text={id} />}
      actions={
        <>
          <Button
            component={Link}
            variant="default"
            leftSection={<IconFlask size={16} stroke={1.5} />}
            to={`/policies/try?${new URLSearchParams({ tool: id })}`}
          >
            Try a call
          </Button>
          <StopSwitch control="tool" value={id} />
          <StopSwitch control="server" value={server} />
        </>
      }
    >
      <QueryView query={query} what="the tool">
        {(record) => <Tool record={record} />}
      </QueryView>
    </PageFrame>
  );
};

const orNone = (text: string | null) =>
  text === null ? (
    <Text span size="sm" c="dimmed">
      none
    </Text>
  ) : (
    <ForeignText text={text} />
  );

const Tool = ({ record }: { readonly record: CatalogTool }) => {
  const { id, definition, missing } = record;
  const lacking = lackingOf(missing);
  const own = new URLSearchParams({ tool: id });
  return (
    <Stack gap="lg">
      {record.driftedDigest !== null && <Drift record={record} />}
      {record.driftedDigest === null && record.pinnedDigest === null && record.observed !== null && <FirstLook record={record} />}
      {lacking.length > 0 && (
        <Alert role="note" variant="outline" color="yellow" icon={<IconAlertTriangle size={18} />} title="It is not callable">
          Its record lacks {lacking.join(', ')}. Its owner adds that to the file of its server in `catalog/`.
        </Alert>
      )}
      <Card withBorder>
        <Title order={2} size="h4" mb="sm">
          Record
        </Title>
        <Facts
          facts={[
            { name: 'State', value: <ToolState missing={missing} /> },
            { name: 'Owner', value: orNone(record.owner) },
            { name: 'Support', value: orNone(record.supportContact) },
            { name: 'Risk tier', value: record.riskTier ?? orNone(null) },
            { name: 'Data domain', value: orNone(record.dataDomain) },
            { name: 'Lifecycle', value: record.lifecycle === null ? orNone(null) : <StatusBadge status={record.lifecycle} /> },
            { name: 'Version', value: orNone(record.version) },
            { name: 'Last reviewed', value: record.lastReviewed ?? orNone(null) },
            { name: 'Price of a call', value: <Money micros={record.costMicros} currency={record.currency} /> },
            { name: 'Scopes it asks for', value: orNone(record.scopes.join(', ') || null) },
            { name: 'Tags', value: orNone(record.tags.join(', ') || null) },
            { name: 'Dry run by argument', value: orNone(record.dryRunArgument ?? null) },
            {
              name: 'Accepted definition',
              value: record.pinnedDigest === null ? orNone(null) : <Mono text={record.pinnedDigest} first={HASH_SHOWN} copy="digest" />,
            },
            { name: 'Named by a catalog file', value: record.declared ? 'yes' : 'no' },
          ]}
        />
        {record.warnings.length > 0 && (
          <Group gap="xs" mt="sm">
            {record.warnings.map((warning) => (
              <StatusBadge key={warning} status={warning} tone="waiting" label={WARNINGS_IN_WORDS[warning]} />
            ))}
          </Group>
        )}
        <Group gap="md" mt="md">
          <Anchor component={Link} size="sm" to={`/calls?${own}`}>
            Its calls
          </Anchor>
          <Anchor component={Link} size="sm" to={`/access?${own}`}>
            Who may call it
          </Anchor>
          <Anchor component={Link} size="sm" to="/">
            Health of its server
          </Anchor>
        </Group>
      </Card>
      <Card withBorder>
        <Title order={2} size="h4" mb="sm">
          What agents are told of it
        </Title>
        {definition === null ? (
          <Text size="sm" c="dimmed">
            No definition was accepted yet, so no agent is told of it.
          </Text>
        ) : (
          <Stack gap="sm">
            {partsOf(definition, definition).map(({ name, label, after }) => (
              <div key={name}>
                <Text size="xs" c="dimmed">
                  <ForeignText text={label} />
                </Text>
                <ForeignText text={after ?? ''} block />
              </div>
            ))}
          </Stack>
        )}
      </Card>
    </Stack>
  );
};

/** Its server describes it otherwise than it was accepted: both, what differs, and the way to accept it. */
const Drift = ({ record: { id, definition, observed, driftedDigest } }: { readonly record: CatalogTool }) => (
  <Card withBorder>
    <Group justify="space-between" align="flex-start" mb="sm">
      <div>
        <Title order={2} size="h4">
          Held: its server describes it otherwise
        </Title>
        <Text size="sm" c="dimmed" component="div">
          Seen {observed?.seenAt == null ? 'at a time that nobody noted' : <Instant at={observed.seenAt} />}. No call of it goes out until
          somebody accepts what is new, or its server shows the accepted definition again.
        </Text>
      </div>
      {driftedDigest !== null && <AcceptDefinition id={id} digest={driftedDigest} />}
    </Group>
    {observed !== null && <DefinitionDiff pinned={definition} observed={observed.definition} />}
  </Card>
);

/** Seen at its server and never accepted by anybody. */
const FirstLook = ({ record: { id, observed } }: { readonly record: CatalogTool }) => (
  <Card withBorder>
    <Group justify="space-between" align="flex-start" mb="sm">
      <Title order={2} size="h4">
        Nobody has accepted its definition yet
      </Title>
      {observed !== null && <AcceptDefinition id={id} digest={observed.digest} />}
    </Group>
    {observed !== null && <DefinitionDiff pinned={null} observed={observed.definition} />}
  </Card>
);

const AcceptDefinition = ({ id, digest }: { readonly id: string; readonly digest: string }) => {
  const { scopes } = useSession();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  if (!scopes.includes('sallyport:operate')) return null;
  const at = id.indexOf('/');
  const accept = async (why: string): Promise<void> => {
    const path = `/v1/catalog/${encodeURIComponent(id.slice(0, at))}/${encodeURIComponent(id.slice(at + 1))}/pin` as const;
    const { missing } = await change(ToolRecord, { method: 'POST', path, body: { why, digest } });
    await queries.invalidateQueries({ queryKey: ['catalog'] });
    reportDone({
      title: `Accepted: calls of ${id} are held to this definition`,
      detail: missing.length === 0 ? 'It is callable.' : `It is still not callable: its record lacks ${lackingOf(missing).join(', ')}.`,
    });
  };
  return (
    <>
      <Button onClick={() => setAsking(true)}>Accept this definition</Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title="Accept this definition?"
        confirmLabel="Accept"
        reason={{ label: 'Why', required: true, maxLength: 1024 }}
        onConfirm={accept}
      >
        <Text size="sm">
          Agents are shown it from then on, and calls of <ForeignText text={id} /> are checked against it. If its server has changed it
          again meanwhile, nothing is accepted.
        </Text>
        <Mono text={digest} first={HASH_SHOWN} />
      </Confirm>
    </>
  );
};
