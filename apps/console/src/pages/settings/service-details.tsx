import { SimpleGrid, TextInput } from '@mantine/core';
import type { GroupLag, Service, ServiceStatus } from '@sallyport/contracts';
import { IconSearch } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';
import { Count } from '../../components/count.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { Facts } from '../../components/facts.js';
import { Instant } from '../../components/instant.js';
import { Mono } from '../../components/mono.js';
import { QueryView } from '../../components/query-view.js';
import { Section } from '../../components/section.js';
import { Empty } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';
import classes from './service-details.module.css';

const LAG: readonly GridColumn<GroupLag>[] = [
  { id: 'topic', header: 'Topic', primary: true, width: 'minmax(10rem, 2fr)', cell: ({ topic }) => <Mono text={topic} /> },
  { id: 'group', header: 'Group', width: 'minmax(5rem, 1fr)', cell: ({ group }) => <Mono text={group} /> },
  { id: 'behind', header: 'Behind', width: '3.5rem', align: 'end', cell: ({ behind }) => <Count of={behind} /> },
  {
    id: 'moved',
    header: 'Last moved',
    width: '8rem',
    align: 'end',
    cell: ({ movedAt }) => <Instant at={movedAt} relative otherwise="never" />,
  },
];

export interface ServiceDetailsProps {
  readonly service: Service;
  readonly query: UseQueryResult<ServiceStatus>;
}

/** One service: what it checks, how far behind its groups are, what is in force in it. */
export const ServiceDetails = ({ service, query }: ServiceDetailsProps) => (
  <div className={classes.details}>
    <QueryView query={query} what={`the status of ${service}`}>
      {(status) => (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <div className={classes.column}>
            <Section title={`Checks of ${service}`}>
              <Facts
                facts={Object.entries(status.checks).map(([name, state]) => ({
                  name,
                  value: <StatusBadge status={state} tone={state === 'ok' ? 'good' : 'bad'} />,
                }))}
              />
            </Section>
            <Section title="Groups on the log" framed={false}>
              <DataGrid
                label={`Groups of ${service} on the log`}
                columns={LAG}
                rows={status.lag}
                rowId={({ group, topic }) => `${group} ${topic}`}
                height="24rem"
                empty={<Empty title="No group keeps a position">What it follows, it follows from the end.</Empty>}
              />
            </Section>
          </div>
          <Configuration status={status} />
        </SimpleGrid>
      )}
    </QueryView>
  </div>
);

const Configuration = ({ status }: { readonly status: ServiceStatus }) => {
  const [wanted, setWanted] = useState('');
  const shown = status.configuration.filter(({ key }) => key.toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <Section
      title="Configuration in force"
      actions={
        <TextInput
          size="xs"
          aria-label="Find a key"
          placeholder="Find a key"
          leftSection={<IconSearch size={14} />}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      }
    >
      {shown.length === 0 ? (
        <Empty title="No such key" />
      ) : (
        <Facts facts={shown.map(({ key, value }) => ({ name: key, value: <Mono text={String(value)} /> }))} />
      )}
    </Section>
  );
};
