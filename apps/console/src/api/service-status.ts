import { SERVICES, type Service, ServiceStatus, UpstreamsHealth } from '@sallyport/contracts';
import { queryOptions } from '@tanstack/react-query';
import { read } from './client.js';

const LOOK_AGAIN_MS = 10_000;

/** How one service stands, asked again every ten seconds while it is shown. */
export const serviceStatusQuery = (service: Service) =>
  queryOptions({
    queryKey: ['service-status', service],
    queryFn: ({ signal }) => read(ServiceStatus, `/v1/${service}/status`, {}, signal),
    refetchInterval: LOOK_AGAIN_MS,
  });

/** Of each service by itself: one that is away takes no other with it. */
export const serviceStatusQueries = SERVICES.map(serviceStatusQuery);

/** Whether calls go through to the servers behind the gateway. */
export const upstreamsQuery = queryOptions({
  queryKey: ['upstreams'],
  queryFn: ({ signal }) => read(UpstreamsHealth, '/v1/upstreams', {}, signal),
  refetchInterval: LOOK_AGAIN_MS,
});
