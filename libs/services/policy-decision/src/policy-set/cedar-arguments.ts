import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Json } from '@sallyport/contracts';
import { z } from 'zod';

/** The shape of an argument as `arguments.cedarschema` declares it. */
export type ArgumentType =
  | { readonly type: 'String' | 'Long' | 'Bool' }
  | { readonly type: 'Set'; readonly element: ArgumentType }
  | { readonly type: 'Record'; readonly attributes: Readonly<Record<string, ArgumentType & { readonly required?: boolean }>> };

const ArgumentTypeSchema: z.ZodType<ArgumentType> = z.lazy(() =>
  z.union([
    z.object({ type: z.enum(['String', 'Long', 'Bool']) }),
    z.object({ type: z.literal('Set'), element: ArgumentTypeSchema }),
    z.object({
      type: z.literal('Record'),
      attributes: z.record(z.string(), z.intersection(ArgumentTypeSchema, z.object({ required: z.boolean().optional() }))),
    }),
  ]),
);

/** Reads the declared arguments out of Cedar's JSON form of the schema. Answers a message where a type cannot be filled from JSON. */
export const declaredArguments = (type: object): { types: ReadonlyMap<string, ArgumentType> } | { fault: string } => {
  const parsed = ArgumentTypeSchema.safeParse(type);
  if (!parsed.success || parsed.data.type !== 'Record') {
    return { fault: 'Arguments must be a record of String, Long, Bool, Set and records of them' };
  }
  const required = Object.entries(parsed.data.attributes).filter(([, attribute]) => attribute.required !== false);
  if (required.length > 0) {
    return { fault: `arguments may always be absent: write ${required.map(([name]) => `${name}?`).join(', ')}` };
  }
  return { types: new Map(Object.entries(parsed.data.attributes)) };
};

const STRING_MAX = 8192;
const SET_MAX = 256;

/** Thrown for an argument that a policy reads and that cannot be shown to it as declared; the message holds no content. */
export class ArgumentNotRepresentable extends Error {}

/**
 * Shows the named arguments to policies as their declared types. An argument that is absent stays absent; one that is there but is of
 * another type, too long or too many is an error, so that a rule about it cannot be dodged by sending `"101"` for `101`.
 */
export const cedarArguments = (
  args: Json | undefined,
  names: Iterable<string>,
  types: ReadonlyMap<string, ArgumentType>,
): Record<string, CedarValueJson> => {
  const shown: Record<string, CedarValueJson> = {};
  if (args === undefined || args === null) return shown;
  if (!isJsonRecord(args)) throw new ArgumentNotRepresentable('the arguments are not an object');
  for (const name of names) {
    const type = types.get(name);
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (type === undefined || value === undefined || value === null) continue;
    shown[name] = cedarValue(value, type, name);
  }
  return shown;
};

const cedarValue = (value: Json, type: ArgumentType, path: string): CedarValueJson => {
  const unfit = (why: string): ArgumentNotRepresentable => new ArgumentNotRepresentable(`argument ${path} ${why}`);
  switch (type.type) {
    case 'String':
      if (typeof value !== 'string') throw unfit('is not a string');
      if (value.length > STRING_MAX) throw unfit(`is longer than ${STRING_MAX} characters`);
      return value;
    case 'Long':
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unfit('is not a whole number');
      return value;
    case 'Bool':
      if (typeof value !== 'boolean') throw unfit('is not a boolean');
      return value;
    case 'Set':
      if (!Array.isArray(value)) throw unfit('is not a list');
      if (value.length > SET_MAX) throw unfit(`has more than ${SET_MAX} items`);
      return value.map((item: Json) => cedarValue(item, type.element, `${path}[]`));
    case 'Record': {
      if (!isJsonRecord(value)) throw unfit('is not an object');
      const record: Record<string, CedarValueJson> = {};
      for (const [name, attribute] of Object.entries(type.attributes)) {
        const inner = Object.hasOwn(value, name) ? value[name] : undefined;
        if (inner === undefined || inner === null) {
          if (attribute.required !== false) throw unfit(`lacks ${name}`);
        } else {
          record[name] = cedarValue(inner, attribute, `${path}.${name}`);
        }
      }
      return record;
    }
  }
};

const isJsonRecord = (value: Json): value is { readonly [key: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
