import { Stack, Text, Title } from '@mantine/core';
import type { Json } from '@sallyport/contracts';
import { ForeignText } from '../../components/foreign-text.js';
import { LineDiff, WordDiff } from '../../components/text-diff.js';
import { changesOf, type DefinitionPart } from './definition-parts.js';

/** What a server says of a tool now, held against what was accepted. */
export const DefinitionDiff = ({ pinned, observed }: { readonly pinned: Json; readonly observed: Json }) => {
  const changes = changesOf(pinned, observed);
  if (changes.length === 0)
    return (
      <Text size="sm" c="dimmed">
        The two definitions say the same.
      </Text>
    );
  return (
    <Stack gap="md">
      {changes.map((part) => (
        <div key={part.name}>
          <Title order={3} size="h5" mb={4}>
            <ForeignText text={part.label} />
            {part.before === null && ' (new)'}
            {part.after === null && ' (gone)'}
          </Title>
          <PartDiff part={part} />
        </div>
      ))}
    </Stack>
  );
};

const PartDiff = ({ part: { label, before, after, isProse } }: { readonly part: DefinitionPart }) =>
  isProse ? (
    <WordDiff label={label} before={before ?? ''} after={after ?? ''} />
  ) : (
    <LineDiff label={label} before={before ?? ''} after={after ?? ''} />
  );
