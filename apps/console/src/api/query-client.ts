import { QueryClient } from '@tanstack/react-query';
import { ApiFault } from './api-fault.js';

const RETRIES_MAX = 2;

/** One cache for the whole console. What is refused is not asked again; what is away is, twice, with a growing pause. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < RETRIES_MAX && error instanceof ApiFault && (error.kind === 'offline' || error.retryable),
      networkMode: 'always',
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});
