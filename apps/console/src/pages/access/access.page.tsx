import { Card, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { type AccessCell, AccessNames, AccessPage } from '@sallyport/contracts';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Empty } from '../../components/states.js';
import { ToolSelect } from '../catalog/tool-select.js';
import { AccessAnswerBadge, AccessExplained, nameOf } from './access-explained.js';

const COLUMNS: readonly GridColumn<AccessCell>[] = [
  { id: 'answer', header: 'May they?', width: '9rem', cell: ({ answer }) => <AccessAnswerBadge answer={answer} /> },
  { id: 'subject', header: 'Person', cell: ({ subject }) => <ForeignText text={nameOf(subject)} /> },
  { id: 'agent', header: 'Agent', cell: ({ agent }) => (agent === null ? 'nobody' : <ForeignText text={agent} />) },
  { id: 'tool', header: 'Tool', primary: true, width: 'minmax(14rem, 2fr)', cell: ({ tool }) => <ForeignText text={tool} /> },
  { id: 'rules', header: 'Because of', width: 'minmax(12rem, 2fr)', cell: ({ policyIds }) => <ForeignText text={policyIds.join(', ')} /> },
];

const idOf = ({ subject, issuer, agent, tool }: AccessCell): string => JSON.stringify([subject, issuer, agent, tool]);

/** Who may do what: choose any of person, agent and tool, and see the others. */
export const Component = () => {
  const [address, setAddress] = useSearchParams();
  const wanted = {
    subject: address.get('subject') ?? undefined,
    agent: address.get('agent') ?? undefined,
    tool: address.get('tool') ?? undefined,
  };
  const chosen = address.get('cell');
  const names = useQuery({ queryKey: ['access', 'names'], queryFn: ({ signal }) => read(AccessNames, '/v1/access/names', {}, signal) });
  const query = useInfiniteQuery({
    queryKey: ['access', wanted],
    queryFn: ({ pageParam, signal }) => read(AccessPage, '/v1/access', { ...wanted, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  const set = (name: string, value: string | null): void =>
    setAddress(
      (before) => {
        const next = new URLSearchParams(before);
        if (name !== 'cell') next.delete('cell');
        if (value === null) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return (
    <PageFrame title="Access" about="Who may do what, decided as a call would be. What only the call will tell is never taken for a yes.">
      <QueryView query={names} what="people and agents">
        {({ subjects, agents }) => (
          <SimpleGrid cols={{ base: 1, sm: 3 }} mb="md">
            <Select
              label="Person"
              data={[...new Set(subjects.map(({ subject }) => subject))].map((value) => ({ value, label: nameOf(value) }))}
              value={wanted.subject ?? null}
              placeholder="Everybody"
              searchable
              clearable
              onChange={(subject) => set('subject', subject)}
            />
            <Select
              label="Agent"
              data={[{ value: 'none', label: 'nobody: the person itself' }, ...agents]}
              value={wanted.agent ?? null}
              placeholder="All agents"
              searchable
              clearable
              onChange={(agent) => set('agent', agent)}
            />
            <ToolSelect label="Tool" value={wanted.tool ?? null} onChange={(tool) => set('tool', tool)} />
          </SimpleGrid>
        )}
      </QueryView>
      <QueryView query={query} what="who may do what">
        {({ pages }) => {
          const cells = pages.flatMap((page) => page.cells);
          const cell = cells.find((one) => idOf(one) === chosen) ?? (cells.length === 1 ? cells[0] : undefined);
          const pair = pages
            .flatMap(({ pairs }) => pairs)
            .find((one) => cell !== undefined && one.subject === cell.subject && one.issuer === cell.issuer && one.agent === cell.agent);
          return (
            <Stack gap="md">
              {cell === undefined ? (
                <Text size="sm" c="dimmed">
                  Choose a row to see why.
                </Text>
              ) : (
                <Card withBorder component="section" aria-label="Why" aria-live="polite">
                  <AccessExplained cell={cell} pair={pair} policySetHash={pages[0]?.policySetHash} />
                </Card>
              )}
              <DataGrid
                label="Who may do what"
                columns={COLUMNS}
                rows={cells}
                rowId={idOf}
                onChoose={(one) => set('cell', idOf(one))}
                selectedId={chosen}
                hasMore={query.hasNextPage}
                onMore={() => void query.fetchNextPage()}
                empty={
                  <Empty title="Nobody is named, or no tool is known">
                    People and agents stand in the configuration, tools in the catalog.
                  </Empty>
                }
              />
            </Stack>
          );
        }}
      </QueryView>
    </PageFrame>
  );
};
