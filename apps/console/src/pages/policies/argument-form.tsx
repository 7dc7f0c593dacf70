import { Checkbox, NumberInput, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { type Json, JsonValue } from '@sallyport/contracts';
import { useState } from 'react';
import { ForeignText } from '../../components/foreign-text.js';
import type { ArgumentField } from './argument-fields.js';
import { withArgument } from './argument-fields.js';

type Arguments = Readonly<Record<string, Json>>;

interface ArgumentFormProps {
  readonly fields: readonly ArgumentField[];
  readonly value: Arguments;
  readonly onChange: (next: Arguments) => void;
}

/** Asks for the arguments of a tool, by its pinned schema. */
export const ArgumentForm = ({ fields, value, onChange }: ArgumentFormProps) => (
  <Stack gap="sm">
    {fields.map((field) => (
      <Field
        key={field.name}
        field={field}
        value={value[field.name]}
        onChange={(next) => onChange(withArgument(value, field.name, next))}
      />
    ))}
  </Stack>
);

interface FieldProps {
  readonly field: ArgumentField;
  readonly value: Json | undefined;
  readonly onChange: (next: Json | undefined) => void;
}

const Field = ({ field, value, onChange }: FieldProps) => {
  const { name, kind, isRequired, description, choices } = field;
  const shared = {
    label: <ForeignText text={name} />,
    required: isRequired,
    ...(description === null ? {} : { description: <ForeignText text={description} /> }),
  };
  switch (kind) {
    case 'text':
      return (
        <TextInput
          {...shared}
          value={typeof value === 'string' ? value : ''}
          onChange={({ currentTarget: { value: text } }) => onChange(text === '' && !isRequired ? undefined : text)}
        />
      );
    case 'number':
      return (
        <NumberInput
          {...shared}
          value={typeof value === 'number' ? value : ''}
          onChange={(number) => onChange(typeof number === 'number' ? number : undefined)}
        />
      );
    case 'boolean': {
      const { required: _required, ...own } = shared;
      return <Checkbox {...own} checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />;
    }
    case 'choice':
      return (
        <Select
          {...shared}
          data={[...choices]}
          value={typeof value === 'string' ? value : null}
          onChange={(choice) => onChange(choice ?? undefined)}
          clearable={!isRequired}
        />
      );
    case 'json':
      return <JsonField shared={shared} value={value} onChange={onChange} />;
  }
};

interface JsonFieldProps extends Omit<FieldProps, 'field'> {
  readonly shared: object;
}

const JsonField = ({ shared, value, onChange }: JsonFieldProps) => {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value));
  const [isFaulty, setFaulty] = useState(false);
  const read = (next: string): void => {
    setText(next);
    try {
      onChange(next.trim() === '' ? undefined : JsonValue.parse(JSON.parse(next)));
      setFaulty(false);
    } catch {
      setFaulty(true);
    }
  };
  return (
    <Textarea
      {...shared}
      autosize
      minRows={1}
      value={text}
      error={isFaulty ? 'This is not JSON yet' : null}
      onChange={(event) => read(event.currentTarget.value)}
    />
  );
};
