import { CallPage, CallRecord } from '@sallyport/contracts';
import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { read } from '../../api/client.js';
import { type CallFilters, queryOf } from './call-filters.js';

/** What a row shows of a call: a hundred thousand of them are kept, so nothing more. */
export interface CallRow {
  readonly callId: string;
  readonly chainId: string;
  readonly startedAt: string;
  /** The tool; of what is no call of one, the method and what it was aimed at. */
  readonly what: string;
  readonly subject: string;
  readonly actors: string;
  readonly decision: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly isPlan: boolean;
  readonly totalMicros: number | null;
  readonly priceMicros: number | null;
  readonly currency: string | null;
}

export const rowOf = (record: CallRecord): CallRow => ({
  callId: record.callId,
  chainId: record.chainId,
  startedAt: record.startedAt,
  what:
    record.method === 'tools/call' && record.target !== null
      ? record.target
      : [record.method, record.target].filter((part) => part !== null).join(' '),
  subject: record.principal.subject,
  actors: record.principal.actors.join(' via '),
  decision: record.decision,
  outcome: record.outcome,
  code: record.code,
  isPlan: record.purpose === 'plan',
  totalMicros: record.totalMicros,
  priceMicros: record.priceMicros,
  currency: record.currency,
});

interface RowPage {
  readonly rows: readonly CallRow[];
  readonly nextCursor: string | null;
}

const PAGE_ROWS = 200;

const isAfter = (left: CallRow, right: CallRow): boolean =>
  left.startedAt > right.startedAt || (left.startedAt === right.startedAt && left.callId > right.callId);

/** Puts a call where it belongs among the newest, or in the place of what was known of it. */
const withCall = (data: InfiniteData<RowPage>, row: CallRow): InfiniteData<RowPage> => {
  const at = data.pages.findIndex(({ rows }) => rows.some(({ callId }) => callId === row.callId));
  const change = (index: number, rows: readonly CallRow[]): InfiniteData<RowPage> => ({
    ...data,
    pages: data.pages.map((page, one) => (one === index ? { ...page, rows } : page)),
  });
  if (at >= 0)
    return change(
      at,
      (data.pages[at]?.rows ?? []).map((one) => (one.callId === row.callId ? row : one)),
    );
  const first = data.pages[0]?.rows ?? [];
  const place = first.findIndex((one) => isAfter(row, one));
  // Older than all of the first page: it is in a page that was or will be asked for.
  if (place < 0 && first.length > 0) return data;
  return change(0, first.toSpliced(Math.max(0, place), 0, row));
};

/** Calls as they are asked for page by page, with those that a stream adds. */
export const useCallRows = (filters: CallFilters, nowMs: number) => {
  const queryClient = useQueryClient();
  const asked = queryOf(filters, nowMs);
  const identity = JSON.stringify(asked);
  const queryKey = useMemo(() => ['calls', identity], [identity]);
  const query = useInfiniteQuery({
    queryKey,
    queryFn: async ({ pageParam, signal }): Promise<RowPage> => {
      const page = await read(CallPage, '/v1/audit/calls', { ...asked, limit: PAGE_ROWS, cursor: pageParam }, signal);
      return { rows: page.calls.map(rowOf), nextCursor: page.nextCursor };
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const add = useCallback(
    (row: CallRow) => {
      queryClient.setQueryData<InfiniteData<RowPage>>(queryKey, (data) => (data === undefined ? data : withCall(data, row)));
    },
    [queryClient, queryKey],
  );
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.rows) ?? [], [query.data]);
  return { ...query, rows, add };
};
