import type { Json } from '@sallyport/contracts';

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

const isRecord = (value: Json): value is { readonly [key: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

const fieldsOf = (definition: Json): ReadonlyMap<string, Json> => new Map(isRecord(definition) ? Object.entries(definition) : []);

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  // Whatever a key is called it is a key, and none is left out.
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, own]) => [key, sorted(own)]),
  );
};

/** JSON to be read: its keys in one order, so that two versions differ only in what they say. */
export const readableJson = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(sorted(value), null, 2));

/** The parts of a definition, those that people read first in front. */
export const partsOf = (before: Json, after: Json): DefinitionPart[] => {
  const left = fieldsOf(before);
  const right = fieldsOf(after);
  const names = [...new Set([...Object.keys(LABELS), ...left.keys(), ...right.keys()])];
  const textOf = (value: Json | undefined): string | null => (value === undefined ? null : readableJson(value));
  return names
    .filter((name) => left.has(name) || right.has(name))
    .map((name) => ({
      ...{ name, label: LABELS[name] ?? name, before: textOf(left.get(name)), after: textOf(right.get(name)) },
      isProse: typeof (right.get(name) ?? left.get(name)) === 'string',
    }));
};

/** The parts that differ. */
export const changesOf = (before: Json, after: Json): DefinitionPart[] =>
  partsOf(before, after).filter((part) => part.before !== part.after);
