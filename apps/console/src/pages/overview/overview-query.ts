import { OVERVIEW_WINDOWS, Overview, OverviewQuery } from '@sallyport/contracts';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { read } from '../../api/client.js';

const LOOK_AGAIN_MS = 10_000;

/** How far the overview looks back. */
export type OverviewWindow = OverviewQuery['window'];

/** The windows that may be chosen, the shortest first. */
export const WINDOWS = OverviewQuery.shape.window.unwrap().options;

/** In words: `15 minutes`, `7 days`. */
export const windowText = (window: OverviewWindow): string => {
  const minutes = OVERVIEW_WINDOWS[window];
  if (minutes < 60) return `${minutes} minutes`;
  if (minutes < 1_440) return minutes === 60 ? 'hour' : `${minutes / 60} hours`;
  return minutes === 1_440 ? '24 hours' : `${minutes / 1_440} days`;
};

/** Counts of a window, asked again every ten seconds; the ones before stay until the new ones are there. */
export const overviewQuery = (window: OverviewWindow) =>
  queryOptions({
    queryKey: ['overview', window],
    queryFn: ({ signal }) => read(Overview, '/v1/audit/overview', { window }, signal),
    refetchInterval: LOOK_AGAIN_MS,
    placeholderData: keepPreviousData,
  });
