import { Anchor } from '@mantine/core';
import { OFFICE_SCOPES, SERVICES, type ServiceStatus } from '@sallyport/contracts';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { serviceStatusQueries, upstreamsQuery } from '../../api/service-status.js';
import { useSession } from '../../api/session.js';
import { Facts } from '../../components/facts.js';
import { QueryView } from '../../components/query-view.js';
import { Section } from '../../components/section.js';
import { Empty } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';

/** Whether the services work, and whether calls get through to the servers behind them. */
export const Health = () => {
  const { scopes } = useSession();
  return (
    <>
      <Upstreams />
      {scopes.includes(OFFICE_SCOPES.operate) && <Services />}
    </>
  );
};

const CIRCUITS = { closed: ['good', 'reachable'], 'half-open': ['waiting', 'being tried'], open: ['bad', 'away'] } as const;

const Upstreams = () => {
  const query = useQuery(upstreamsQuery);
  return (
    <Section title="Servers">
      <QueryView query={query} what="the servers">
        {({ upstreams }) =>
          upstreams.length === 0 ? (
            <Empty title="No server">An upstream of sallyport.yaml appears here.</Empty>
          ) : (
            <Facts
              facts={upstreams.map(({ server, circuit }) => ({
                name: server,
                value: <StatusBadge status={circuit} tone={CIRCUITS[circuit][0]} label={CIRCUITS[circuit][1]} />,
              }))}
            />
          )
        }
      </QueryView>
    </Section>
  );
};

const Services = () => {
  const queries = useQueries({ queries: serviceStatusQueries });
  return (
    <Section
      title="Services"
      actions={
        <Anchor component={Link} to="/settings" size="sm">
          Details
        </Anchor>
      }
    >
      <Facts
        facts={SERVICES.map((service, index) => ({
          name: service,
          value: <ServiceMark status={queries[index]?.data} isDown={queries[index]?.error !== null} />,
        }))}
      />
    </Section>
  );
};

const ServiceMark = ({ status, isDown }: { readonly status: ServiceStatus | undefined; readonly isDown: boolean }) => {
  if (isDown) return <StatusBadge status="down" label="does not answer" />;
  if (status === undefined) return <StatusBadge status="pending" label="asking" />;
  if (status.deadLetters.heldChains > 0) return <StatusBadge status="waiting" label={`${status.deadLetters.heldChains} held`} />;
  return <StatusBadge status={status.status} tone={status.status === 'ready' ? 'good' : 'bad'} />;
};
