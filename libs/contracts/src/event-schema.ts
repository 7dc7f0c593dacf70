import type { z } from 'zod';

/** One version of one event: its name, its version and the schema of its data. The schema is the only source; types, AsyncAPI and docs derive from it. */
export interface EventDefinition<Type extends string = string, Version extends number = number, Data extends z.ZodType = z.ZodType> {
  readonly type: Type;
  readonly version: Version;
  /** What happened, in one sentence: the text of the generated reference. */
  readonly summary: string;
  readonly data: Data;
}

/** Declares one event version. */
export const defineEvent = <Type extends string, Version extends number, Data extends z.ZodType>(
  definition: EventDefinition<Type, Version, Data>,
): EventDefinition<Type, Version, Data> => definition;

/** The data type of an event definition. */
export type DataOf<D> = D extends EventDefinition<string, number, infer Data> ? z.infer<Data> : never;
