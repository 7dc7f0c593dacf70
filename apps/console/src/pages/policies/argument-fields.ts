import { type Json, JsonValue } from '@sallyport/contracts';
import { z } from 'zod';

/** An argument that a form can ask for; what a schema says beyond that is asked for as JSON. */
export interface ArgumentField {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'choice' | 'json';
  readonly isRequired: boolean;
  readonly description: string | null;
  /** Of a choice. */
  readonly choices: readonly string[];
}

/** As many as a form stays readable with. */
const FIELDS_MAX = 60;

const Property = z.looseObject({ type: JsonValue.optional(), enum: z.array(JsonValue).optional(), description: z.string().optional() });
const InputSchema = z.looseObject({
  type: z.literal('object'),
  properties: z.record(z.string(), Property.catch({})),
  required: z.array(z.string()).catch([]).default([]),
});
const Definition = z.looseObject({ inputSchema: InputSchema });

/** The fields that the pinned schema of a tool asks for; `null` where it cannot be asked for by a form. */
export const fieldsOf = (definition: Json): readonly ArgumentField[] | null => {
  const parsed = Definition.safeParse(definition);
  if (!parsed.success) return null;
  const { properties, required } = parsed.data.inputSchema;
  const fields = Object.entries(properties);
  if (fields.length > FIELDS_MAX) return null;
  return fields.map(([name, property]) => {
    const values = property.enum ?? [];
    const choices = values.filter((value): value is string => typeof value === 'string');
    const isChoice = values.length > 0 && choices.length === values.length;
    const kind = isChoice ? 'choice' : kindOf(property.type);
    return { name, kind, isRequired: required.includes(name), description: property.description ?? null, choices: isChoice ? choices : [] };
  });
};

const kindOf = (type: Json | undefined): ArgumentField['kind'] => {
  if (type === 'string') return 'text';
  if (type === 'number' || type === 'integer') return 'number';
  return type === 'boolean' ? 'boolean' : 'json';
};

/** A text that is a JSON object; `null` for any other. */
export const objectIn = (text: string): Readonly<Record<string, Json>> | null => {
  try {
    const parsed = z.record(z.string(), JsonValue).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};

/** Arguments with one of them set anew; `undefined` takes it away. */
export const withArgument = (
  args: Readonly<Record<string, Json>>,
  name: string,
  value: Json | undefined,
): Readonly<Record<string, Json>> => {
  const { [name]: _before, ...others } = args;
  return value === undefined ? others : { ...others, [name]: value };
};
