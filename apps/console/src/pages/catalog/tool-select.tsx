import { Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { CatalogPage, CatalogTool } from '@sallyport/contracts';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { read } from '../../api/client.js';

const OFFERED_MAX = 50;
const TYPED_MS = 200;

interface ToolSelectProps {
  readonly label: string;
  readonly description?: string;
  /** `server/tool`. */
  readonly value: string | null;
  readonly onChange: (tool: string | null) => void;
}

/** Chooses a tool of the catalog by typing part of its name; the server searches. */
export const ToolSelect = ({ label, description, value, onChange }: ToolSelectProps) => {
  const [typed, setTyped] = useState('');
  const [text] = useDebouncedValue(typed === value ? '' : typed, TYPED_MS);
  const query = useQuery({
    queryKey: ['catalog', 'offered', text],
    queryFn: ({ signal }) => read(CatalogPage, '/v1/catalog', { text, limit: OFFERED_MAX }, signal),
    placeholderData: keepPreviousData,
  });
  const offered = query.data?.tools.map(({ id }) => id) ?? [];
  return (
    <Select
      label={label}
      description={description}
      data={value === null || offered.includes(value) ? offered : [value, ...offered]}
      filter={({ options }) => options}
      value={value}
      searchValue={typed}
      onSearchChange={setTyped}
      searchable
      clearable
      placeholder="Type part of its name"
      nothingFoundMessage="No tool fits"
      onChange={onChange}
    />
  );
};

/** A tool of the catalog with its definition; asked for when there is a name. */
export const useTool = (id: string | null) => {
  const at = id?.indexOf('/') ?? -1;
  const path = `/v1/catalog/${encodeURIComponent(id?.slice(0, at) ?? '')}/${encodeURIComponent(id?.slice(at + 1) ?? '')}` as const;
  return useQuery({
    queryKey: ['catalog', 'tool', id],
    queryFn: ({ signal }) => read(CatalogTool, path, {}, signal),
    enabled: id !== null,
  });
};
