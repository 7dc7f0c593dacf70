import { type Json, JsonValue } from '@sallyport/contracts';
import { z } from 'zod';

/** A part of a definition in two versions, as text to be compared. */
export interface DefinitionPart {
  readonly name: string;
  /** What it is to whoever reads. */
  readonly label: string;
  readonly before: string | null;
  readonly after: string | null;
  /** Prose is compared by words, all else by lines. */
  readonly isProse: boolean;
}

const LABELS: Readonly<Record<string, string>> = {
  name: 'Name',
  title: 'Title',
  description: 'Description',
  inputSchema: 'Input schema',
  outputSchema: 'Output schema',
  annotations: 'Annotations',
};

const Definition = z.record(z.string(), JsonValue);

const fieldsOf = (definition: Json): Readonly<Record<string, Json>> => Definition.safeParse(definition).data ?? {};

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(sorted);
  const record = Definition.safeParse(value);
  if (value === null || typeof value !== 'object' || !record.success) return value;
  return Object.fromEntries(
    Object.keys(record.data)
      .sort()
      .map((key) => [key, sorted(record.data[key] ?? null)]),
  );
};

/** JSON to be read: its keys in one order, so that two versions differ only in what they say. */
export const readableJson = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(sorted(value), null, 2));

/** The parts of a definition, those that people read first in front. */
export const partsOf = (before: Json, after: Json): DefinitionPart[] => {
  const left = fieldsOf(before);
  const right = fieldsOf(after);
  const names = [...new Set([...Object.keys(LABELS), ...Object.keys(left), ...Object.keys(right)])];
  const textOf = (value: Json | undefined): string | null => (value === undefined ? null : readableJson(value));
  return names
    .filter((name) => left[name] !== undefined || right[name] !== undefined)
    .map((name) => ({
      ...{ name, label: LABELS[name] ?? name, before: textOf(left[name]), after: textOf(right[name]) },
      isProse: typeof (right[name] ?? left[name]) === 'string',
    }));
};

/** The parts that differ. */
export const changesOf = (before: Json, after: Json): DefinitionPart[] =>
  partsOf(before, after).filter((part) => part.before !== part.after);
