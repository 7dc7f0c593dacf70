import { Tooltip } from '@mantine/core';
import { Fragment, useMemo } from 'react';
import { explanationOf, partsOf, type TextPart } from './character-trouble.js';
import classes from './foreign-text.module.css';

export interface ForeignTextProps {
  readonly text: string;
  /** In the type of code, with line breaks kept. */
  readonly block?: boolean;
}

const MARKED_MAX = 2_000;

/**
 * Text of agents, people and upstreams: shown as it is, never interpreted. Characters that are not seen, that turn the direction, or that pass for
 * others are made visible and explained. Isolated, so that its direction changes nothing around it.
 */
export const ForeignText = ({ text, block = false }: ForeignTextProps) => {
  const parts = useMemo(() => partsOf(text), [text]);
  let marked = 0;
  const content = parts.map((part, index) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have no other identity
    if (part.kind === 'plain') return <Fragment key={index}>{part.text}</Fragment>;
    marked += 1;
    // biome-ignore lint/suspicious/noArrayIndexKey: as above
    return <Marked key={index} part={part} explained={marked <= MARKED_MAX} />;
  });
  return block ? <bdi className={classes.block}>{content}</bdi> : <bdi>{content}</bdi>;
};

const Marked = ({ part, explained }: { readonly part: Exclude<TextPart, { kind: 'plain' }>; readonly explained: boolean }) => {
  const mark = (
    <mark className={part.kind === 'mixed-script' ? classes.mixed : classes.hidden}>
      {part.kind === 'mixed-script' ? part.text : part.codePoint}
    </mark>
  );
  return explained ? (
    <Tooltip label={explanationOf(part)} multiline maw={320}>
      {mark}
    </Tooltip>
  ) : (
    mark
  );
};
