import { z } from 'zod';

/** A JSON Schema as plain JSON. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/**
 * The JSON Schema (draft 7, what AsyncAPI 3 reads by default) of a schema of ours. Extra properties are allowed: readers ignore what they do
 * not know. A value that may be any JSON becomes `{}`.
 */
export const jsonSchemaOf = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any', reused: 'inline' });
  return rest;
};
