import { Button, Group, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { CatalogPage, CatalogServers } from '@sallyport/contracts';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { DataGrid } from '../../components/data-grid.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Empty } from '../../components/states.js';
import { SERVER_COLUMNS, TOOL_COLUMNS, toolPath } from './catalog-columns.js';

const STATES = [
  { value: 'callable', label: 'Callable' },
  { value: 'held', label: 'Held: definition changed' },
  { value: 'incomplete', label: 'Record incomplete' },
];
const TIERS = ['read', 'write-low', 'write-high'];
const TYPED_MS = 250;

/** Which tools there are, whose they are, and what keeps them from being called. */
export const Component = () => {
  const [address, setAddress] = useSearchParams();
  const view = address.get('view') === 'servers' ? 'servers' : 'tools';
  return (
    <PageFrame
      title="Catalog"
      about="A tool without a complete record and an accepted definition is not callable."
      actions={
        <SegmentedControl
          aria-label="What to list"
          value={view}
          data={[
            { value: 'tools', label: 'Tools' },
            { value: 'servers', label: 'Servers' },
          ]}
          onChange={(next) => setAddress(next === 'servers' ? { view: next } : {})}
        />
      }
    >
      {view === 'servers' ? <Servers /> : <Tools />}
    </PageFrame>
  );
};

const FILTERS = ['server', 'state', 'tier', 'owner', 'text'] as const;

const Tools = () => {
  const [address, setAddress] = useSearchParams();
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, address.get(name) ?? undefined]));
  const query = useInfiniteQuery({
    queryKey: ['catalog', 'tools', wanted],
    queryFn: ({ pageParam, signal }) => read(CatalogPage, '/v1/catalog', { ...wanted, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  const set = (name: string, value: string | null): void =>
    setAddress(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === null || value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const isFiltered = FILTERS.some((name) => wanted[name] !== undefined);
  return (
    <>
      <Group gap="xs" mb="sm" align="flex-end">
        <Typed label="Search" value={wanted.text ?? ''} onTyped={(text) => set('text', text)} />
        <Typed label="Server" value={wanted.server ?? ''} onTyped={(server) => set('server', server)} />
        <Typed label="Owner" value={wanted.owner ?? ''} onTyped={(owner) => set('owner', owner)} />
        <Select
          label="State"
          data={STATES}
          value={wanted.state ?? null}
          onChange={(state) => set('state', state)}
          clearable
          placeholder="Any"
        />
        <Select label="Tier" data={TIERS} value={wanted.tier ?? null} onChange={(tier) => set('tier', tier)} clearable placeholder="Any" />
        {isFiltered && (
          <Button variant="default" onClick={() => setAddress({}, { replace: true })}>
            Show all
          </Button>
        )}
      </Group>
      <QueryView query={query} what="the catalog">
        {({ pages }) => (
          <DataGrid
            label="Tools"
            columns={TOOL_COLUMNS}
            rows={pages.flatMap(({ tools }) => tools)}
            rowId={({ id }) => id}
            rowTo={toolPath}
            hasMore={query.hasNextPage}
            onMore={() => void query.fetchNextPage()}
            empty={
              isFiltered ? (
                <Empty title="No tool fits">Take a filter away, or search for something else.</Empty>
              ) : (
                <Empty title="No tool is known yet">Tools appear when an upstream is configured and has been seen.</Empty>
              )
            }
          />
        )}
      </QueryView>
    </>
  );
};

const Servers = () => {
  const query = useQuery({
    queryKey: ['catalog', 'servers'],
    queryFn: ({ signal }) => read(CatalogServers, '/v1/catalog/servers', {}, signal),
  });
  return (
    <QueryView query={query} what="the servers">
      {({ servers }) => (
        <DataGrid
          label="Servers"
          columns={SERVER_COLUMNS}
          rows={servers}
          rowId={({ server }) => server}
          rowTo={({ server }) => `/catalog?server=${encodeURIComponent(server)}`}
          total={servers.length}
          empty={<Empty title="No server is in the catalog">Add an upstream to the configuration and a file to `catalog/`.</Empty>}
        />
      )}
    </QueryView>
  );
};

interface TypedProps {
  readonly label: string;
  readonly value: string;
  readonly onTyped: (text: string) => void;
}

/** A filter that is typed: applied when the typing rests. */
const Typed = ({ label, value, onTyped }: TypedProps) => {
  const [text, setText] = useState(value);
  const apply = useDebouncedCallback(onTyped, TYPED_MS);
  useEffect(() => setText(value), [value]);
  const type = (next: string): void => {
    setText(next);
    apply(next);
  };
  return <TextInput label={label} value={text} maxLength={128} onChange={(event) => type(event.currentTarget.value)} />;
};
