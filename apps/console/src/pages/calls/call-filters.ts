/** How far back calls are looked for; nothing chosen is all of the record. */
export const PERIODS = {
  '15m': ['Last 15 minutes', 15],
  '1h': ['Last hour', 60],
  '24h': ['Last 24 hours', 1_440],
  '7d': ['Last 7 days', 10_080],
  '30d': ['Last 30 days', 43_200],
} as const satisfies Readonly<Record<string, readonly [label: string, minutes: number]>>;

/** Names of the filters as they stand in the address of the page, and as `GET /v1/audit/calls` takes them. */
export const FILTER_NAMES = ['text', 'subject', 'agent', 'tool', 'decision', 'outcome', 'chainId', 'traceId', 'from', 'to'] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

/** The filters in force, and the period by its name. */
export interface CallFilters extends Readonly<Partial<Record<FilterName, string>>> {
  readonly period?: keyof typeof PERIODS;
}

const isPeriod = (name: string | null): name is keyof typeof PERIODS => name !== null && Object.hasOwn(PERIODS, name);

/** Reads the filters of an address; what nobody knows there is left alone. */
export const filtersOf = (search: URLSearchParams): CallFilters => {
  const filters: Partial<Record<FilterName, string>> = {};
  for (const name of FILTER_NAMES) {
    const value = search.get(name)?.trim();
    if (value !== undefined && value !== '') filters[name] = value;
  }
  const period = search.get('period');
  return isPeriod(period) ? { ...filters, period } : filters;
};

/** As the API is asked. A period ends now, which moves: it is measured from `nowMs`, and a page that was begun keeps it. */
export const queryOf = ({ period, ...filters }: CallFilters, nowMs: number): Readonly<Record<string, string>> => {
  if (period === undefined || filters.from !== undefined) return filters;
  return { ...filters, from: new Date(nowMs - PERIODS[period][1] * 60_000).toISOString() };
};

/** As the stream of calls is asked: it takes no times and no chain, which `isLiveMatch` looks at. */
export const tailQueryOf = ({
  text,
  subject,
  agent,
  tool,
  decision,
  outcome,
  traceId,
}: CallFilters): Readonly<Record<string, string | undefined>> => ({
  ...{ text, subject, agent, tool, decision, outcome, traceId },
});
