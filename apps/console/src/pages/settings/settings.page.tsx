import { SERVICES, type Service } from '@sallyport/contracts';
import { useQueries } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { serviceStatusQueries } from '../../api/service-status.js';
import { PageFrame } from '../../components/page-frame.js';
import { ServiceDetails } from './service-details.js';
import { ServicesGrid } from './services-grid.js';

/** How the services stand, and what is in force. */
export const Component = () => {
  const [parameters, setParameters] = useSearchParams();
  const queries = useQueries({ queries: serviceStatusQueries });
  const asked = parameters.get('service');
  const chosen: Service = SERVICES.find((service) => service === asked) ?? SERVICES[0];
  const query = queries[SERVICES.indexOf(chosen)];
  return (
    <PageFrame
      title="Settings and health"
      about="Five services, each by itself. Change what is in force in sallyport.yaml; secrets are never shown."
    >
      <ServicesGrid queries={queries} chosen={chosen} onChoose={(service) => setParameters({ service }, { replace: true })} />
      {query !== undefined && <ServiceDetails service={chosen} query={query} />}
    </PageFrame>
  );
};
