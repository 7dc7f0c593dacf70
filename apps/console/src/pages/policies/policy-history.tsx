import { type PolicyChangeNote, PolicyVersions } from '@sallyport/contracts';
import { useInfiniteQuery } from '@tanstack/react-query';
import { read } from '../../api/client.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Mono } from '../../components/mono.js';
import { QueryView } from '../../components/query-view.js';
import { Empty } from '../../components/states.js';

const HASH_SHOWN = 19;

const COLUMNS: readonly GridColumn<PolicyChangeNote>[] = [
  { id: 'at', header: 'In force since', width: '13rem', primary: true, cell: ({ changedAt }) => <Instant at={changedAt} /> },
  { id: 'by', header: 'By', cell: ({ changedBy }) => <ForeignText text={changedBy} /> },
  { id: 'why', header: 'Why', width: 'minmax(14rem, 2fr)', cell: ({ why }) => <ForeignText text={why} /> },
  { id: 'hash', header: 'Policy set', width: '12rem', cell: ({ policySetHash }) => <Mono text={policySetHash} first={HASH_SHOWN} /> },
];

/** The sets that were in force, newest first; each leads to what it changed. */
export const PolicyHistory = () => {
  const query = useInfiniteQuery({
    queryKey: ['policies', 'versions'],
    queryFn: ({ pageParam, signal }) => read(PolicyVersions, '/v1/policies/versions', { cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  return (
    <QueryView query={query} what="the history">
      {({ pages }) => (
        <DataGrid
          label="Versions of the policy set"
          columns={COLUMNS}
          rows={pages.flatMap(({ versions }) => versions)}
          rowId={({ epoch }) => String(epoch)}
          rowTo={({ epoch }) => `/policies/${epoch}`}
          hasMore={query.hasNextPage}
          onMore={() => void query.fetchNextPage()}
          empty={<Empty title="No policy set was ever put in force" />}
        />
      )}
    </QueryView>
  );
};
