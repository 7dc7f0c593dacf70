import { Button, CloseButton, Group, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { type RefObject, useEffect, useState } from 'react';
import { type CallFilters, type FilterName, PERIODS } from './call-filters.js';
import classes from './filter-bar.module.css';

const DECISIONS = ['allow', 'deny', 'require-approval', 'none'];
const OUTCOMES = [
  ...[
    'pending',
    'waiting',
    'input-required',
    'completed',
    'tool-error',
    'failed',
    'refused',
    'cancelled',
    'planned',
    'abandoned',
    'in-doubt',
  ],
];
const NAMES = [
  ['subject', 'Person', 'user:ada'],
  ['agent', 'Agent', 'agent:triage'],
  ['tool', 'Tool', 'fs/write_file'],
] as const;
const TYPING_MS = 350;

export interface FilterBarProps {
  readonly filters: CallFilters;
  readonly onSet: (name: FilterName | 'period', value: string) => void;
  readonly onClear: () => void;
  readonly searchRef: RefObject<HTMLInputElement | null>;
}

/** What calls are looked for by. Every filter stands in the address of the page. */
export const FilterBar = ({ filters, onSet, onClear, searchRef }: FilterBarProps) => {
  const { period: _, ...named } = filters;
  const isFiltered = Object.keys(named).length > 0 || filters.period !== undefined;
  return (
    <search className={classes.bar} aria-label="Find calls">
      <Typed
        inputRef={searchRef}
        label="Search"
        placeholder="Code, rule, tool, argument …"
        value={filters.text ?? ''}
        onSet={(value) => onSet('text', value)}
        className={classes.text}
        isSearch
      />
      {NAMES.map(([name, label, example]) => (
        <Typed key={name} label={label} placeholder={example} value={filters[name] ?? ''} onSet={(value) => onSet(name, value)} />
      ))}
      <NativeSelect
        label="Decision"
        size="xs"
        value={filters.decision ?? ''}
        onChange={(event) => onSet('decision', event.currentTarget.value)}
        data={[{ value: '', label: 'Any' }, ...DECISIONS]}
      />
      <NativeSelect
        label="Outcome"
        size="xs"
        value={filters.outcome ?? ''}
        onChange={(event) => onSet('outcome', event.currentTarget.value)}
        data={[{ value: '', label: 'Any' }, ...OUTCOMES]}
      />
      <NativeSelect
        label="Started"
        size="xs"
        value={filters.period ?? ''}
        onChange={(event) => onSet('period', event.currentTarget.value)}
        data={[{ value: '', label: 'Any time' }, ...Object.entries(PERIODS).map(([value, [label]]) => ({ value, label }))]}
      />
      {isFiltered && (
        <Group align="flex-end">
          <Button size="xs" variant="default" onClick={onClear}>
            Clear
          </Button>
        </Group>
      )}
    </search>
  );
};

interface TypedProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onSet: (value: string) => void;
  readonly className?: string | undefined;
  readonly inputRef?: RefObject<HTMLInputElement | null>;
  readonly isSearch?: boolean;
}

/** A text that takes effect when the person stops typing, or at Enter. */
const Typed = ({ label, placeholder, value, onSet, className, inputRef, isSearch = false }: TypedProps) => {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const setLater = useDebouncedCallback((text: string) => {
    if (text !== value) onSet(text);
  }, TYPING_MS);
  return (
    <TextInput
      ref={inputRef}
      label={label}
      placeholder={placeholder}
      size="xs"
      maxLength={isSearch ? 200 : 256}
      className={className}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        setLater(event.currentTarget.value.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onSet(typed.trim());
        if (event.key === 'Escape') event.currentTarget.blur();
      }}
      leftSection={isSearch ? <IconSearch size={14} aria-hidden /> : undefined}
      rightSection={
        typed === '' ? undefined : <CloseButton size="xs" aria-label={`Clear ${label.toLowerCase()}`} onClick={() => onSet('')} />
      }
    />
  );
};
