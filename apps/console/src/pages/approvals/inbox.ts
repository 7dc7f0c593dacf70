import { ApprovalPage, type ApprovalStatus, ApprovalSummary } from '@sallyport/contracts';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { read } from '../../api/client.js';
import { queryClient } from '../../api/query-client.js';
import { type LiveStatus, useLiveEvents } from '../../live/live-events.js';

/** The three boxes: what waits for people, what they said, and what nobody did. */
export const BOXES = {
  waiting: { label: 'Waiting', statuses: ['pending'], order: 'oldest' },
  answered: { label: 'Answered', statuses: ['granted', 'used', 'lapsed', 'rejected'], order: 'newest' },
  ended: { label: 'Not answered', statuses: ['expired', 'withdrawn'], order: 'newest' },
} as const satisfies Record<string, { readonly label: string; readonly statuses: readonly ApprovalStatus[]; readonly order: string }>;
export type Box = keyof typeof BOXES;

export const isBox = (name: string | null): name is Box => name !== null && name in BOXES;

export interface InboxFilters {
  readonly subject: string;
  readonly agent: string;
  readonly tool: string;
}

export interface Inbox {
  readonly rows: readonly ApprovalSummary[];
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly reload: () => void;
  /** Rows that do not belong into this box any more, and stay where they are until it is tidied. */
  readonly moved: number;
  /** Requests that belong into this box and are not shown yet: at its head, where they would move the others. */
  readonly unseen: number;
  /** Asks anew, so that moved rows go and unseen ones come. */
  readonly tidy: () => void;
  readonly live: LiveStatus;
}

const withKind = (kind: string, name: string): string => (name.includes(':') ? name : `${kind}:${name}`);

const fits = ({ subject, actors, tool }: ApprovalSummary, wanted: InboxFilters): boolean =>
  (wanted.subject === '' || subject === withKind('user', wanted.subject)) &&
  (wanted.agent === '' || actors[0] === withKind('agent', wanted.agent)) &&
  (wanted.tool === '' || tool.id === wanted.tool);

const PAGE_ROWS = 50;
/** More changes than a person follows; the list is asked for anew then. */
const CHANGES_MAX = 1_000;

interface Heard {
  readonly changes: ReadonlyMap<string, ApprovalSummary>;
  /** Those that were heard of while they waited. */
  readonly arrived: ReadonlySet<string>;
}
const NOTHING_HEARD: Heard = { changes: new Map(), arrived: new Set() };

const isOf = (status: ApprovalStatus, statuses: readonly ApprovalStatus[]): boolean => statuses.includes(status);

const inboxKey = (box: Box, filters: InboxFilters) => ['approvals', box, filters] as const;

/**
 * One box, live. What changes is changed in its place, and what comes is put where it moves nothing: at the end of what waits (the oldest come
 * first), and behind a word elsewhere.
 */
export const useInbox = (box: Box, filters: InboxFilters): Inbox => {
  const { statuses, order } = BOXES[box];
  const [{ changes, arrived }, setHeard] = useState<Heard>(NOTHING_HEARD);
  const query = useInfiniteQuery({
    queryKey: inboxKey(box, filters),
    queryFn: ({ pageParam, signal }) =>
      read(ApprovalPage, '/v1/approvals', { ...filters, status: [...statuses], order, cursor: pageParam, limit: PAGE_ROWS }, signal),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    // What changes comes by the stream; rows must not move because a window was looked at again.
    refetchOnWindowFocus: false,
  });

  const live = useLiveEvents({
    path: '/v1/approvals/tail',
    schema: ApprovalSummary,
    event: 'approval',
    onEvent: (approval) => {
      setHeard((before) => ({
        changes: new Map([...before.changes, [approval.approvalId, approval] as const].slice(-CHANGES_MAX)),
        arrived: approval.status === 'pending' ? new Set(before.arrived).add(approval.approvalId) : before.arrived,
      }));
      void queryClient.invalidateQueries({ queryKey: ['approval', approval.approvalId] });
    },
  });

  const asked = useMemo(() => query.data?.pages.flatMap(({ approvals }) => approvals) ?? [], [query.data]);
  const { rows, unseen } = useMemo(() => {
    const known = new Set(asked.map(({ approvalId }) => approvalId));
    const others = [...changes.values()].filter((one) => !known.has(one.approvalId) && fits(one, filters));
    const shown = asked.map((one) => changes.get(one.approvalId) ?? one);
    if (box !== 'waiting') return { rows: shown, unseen: others.filter(({ status }) => isOf(status, statuses)).length };
    // Beyond the pages that were read they come by themselves. One that is answered meanwhile stays: it may be the one that is looked at.
    const appended = query.hasNextPage ? [] : others.filter(({ approvalId }) => arrived.has(approvalId));
    return { rows: [...shown, ...appended.toSorted((one, other) => (one.approvalId < other.approvalId ? -1 : 1))], unseen: 0 };
  }, [asked, changes, arrived, filters, box, statuses, query.hasNextPage]);

  return {
    ...{ rows, unseen, live, error: query.error, isLoading: query.isPending, hasMore: query.hasNextPage },
    moved: rows.filter(({ status }) => !isOf(status, statuses)).length,
    more: () => void query.fetchNextPage(),
    reload: () => void query.refetch(),
    tidy: () => {
      setHeard(NOTHING_HEARD);
      void queryClient.resetQueries({ queryKey: inboxKey(box, filters) });
    },
  };
};
