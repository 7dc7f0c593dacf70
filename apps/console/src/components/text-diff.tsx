import { Text } from '@mantine/core';
import { diffWordsWithSpace, structuredPatch } from 'diff';
import { useMemo } from 'react';
import { ForeignText } from './foreign-text.js';
import classes from './text-diff.module.css';

/** Longer texts are not compared: it would take the page too long, and nobody reads it. */
const CHARS_MAX = 200_000;
const TIMEOUT_MS = 1_000;
const CONTEXT_LINES = 3;

export interface TextDiffProps {
  /** What the two are, for screen readers: `Input schema`. */
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

const TooLong = () => (
  <Text size="sm" c="dimmed">
    The two are too long, or too different, to be compared here.
  </Text>
);

const WORDS = { ' ': 'unchanged', '+': 'added', '-': 'removed' } as const;

interface Line {
  /** Its place. */
  readonly id: number;
  readonly mark: keyof typeof WORDS;
  readonly text: string;
}

const linesOf = (lines: readonly string[]): Line[] =>
  lines.flatMap((line, id) => {
    const mark = line.startsWith('+') ? '+' : line.startsWith('-') ? '-' : ' ';
    // What the comparison says about the end of a file is no line of it.
    return line.startsWith('\\') ? [] : [{ id, mark, text: line.slice(1) }];
  });

/** Two texts line by line, with what is around a change. Strangers' text, shown and never interpreted. */
export const LineDiff = ({ label, before, after }: TextDiffProps) => {
  const hunks = useMemo(() => {
    if (before.length + after.length > CHARS_MAX) return null;
    const patch = structuredPatch('', '', before, after, '', '', { context: CONTEXT_LINES, timeout: TIMEOUT_MS });
    return patch?.hunks.map(({ oldStart, newStart, lines }) => ({ id: `${oldStart} ${newStart}`, lines: linesOf(lines) })) ?? null;
  }, [before, after]);
  if (hunks === null) return <TooLong />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={classes.lines} aria-label={`${label}: changed lines`} tabIndex={0}>
      {hunks.map((hunk) => (
        <div key={hunk.id} className={classes.hunk}>
          {hunk.lines.map(({ id, mark, text }) => (
            <div key={id} className={classes.line} data-mark={mark}>
              <span className={classes.mark} role="img" aria-label={WORDS[mark]}>
                {mark}
              </span>
              <ForeignText text={text} block />
            </div>
          ))}
        </div>
      ))}
    </section>
  );
};

/** Two texts word by word, within each other. */
export const WordDiff = ({ label, before, after }: TextDiffProps) => {
  const parts = useMemo(() => {
    if (before.length + after.length > CHARS_MAX) return null;
    return diffWordsWithSpace(before, after, { timeout: TIMEOUT_MS })?.map((part, id) => ({ ...part, id })) ?? null;
  }, [before, after]);
  if (parts === null) return <TooLong />;
  return (
    <section className={classes.words} aria-label={`${label}: changed words`}>
      {parts.map(({ id, value, added, removed }) => {
        const Part = added ? 'ins' : removed ? 'del' : 'span';
        return (
          <Part key={id}>
            <ForeignText text={value} />
          </Part>
        );
      })}
    </section>
  );
};
