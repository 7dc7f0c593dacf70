import { Alert, Stack, Text, TextInput } from '@mantine/core';
import type { PolicyText } from '@sallyport/contracts';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { ForeignText } from '../../components/foreign-text.js';
import { Empty } from '../../components/states.js';
import { RuleCard } from './rule-card.js';
import { builtInRule } from './rule-words.js';

/** The rules of a set. `?rule=` names one, as the page of a call does. */
export const RuleList = ({ policies }: { readonly policies: readonly PolicyText[] }) => {
  const [address] = useSearchParams();
  const [text, setText] = useState('');
  const named = address.get('rule');
  const builtIn = named === null ? null : builtInRule(named);
  const wanted = text.trim().toLowerCase();
  const shown = policies.filter(({ id, text: own }) => wanted === '' || `${id}\n${own}`.toLowerCase().includes(wanted));
  return (
    <Stack gap="md">
      {named !== null && !policies.some(({ id }) => id === named) && (
        <Alert
          role="note"
          variant="outline"
          color={builtIn === null ? 'yellow' : 'gray'}
          title={
            <>
              <ForeignText text={named} /> {builtIn === null ? 'is no rule of this set' : 'is built in and stands in no file'}
            </>
          }
        >
          {builtIn ?? 'It may be in another version of the set: see the history.'}
        </Alert>
      )}
      <TextInput
        label="Search in the rules"
        value={text}
        maxLength={128}
        maw={320}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Text size="sm" c="dimmed" role="status">
        {shown.length === policies.length ? `${policies.length} rules` : `${shown.length} of ${policies.length} rules`}
      </Text>
      {shown.map((rule) => (
        <RuleCard key={rule.id} rule={rule} isNamed={rule.id === named} />
      ))}
      {shown.length === 0 && <Empty title="No rule fits">Nothing is allowed that no rule allows.</Empty>}
    </Stack>
  );
};
