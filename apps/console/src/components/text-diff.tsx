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

/** Two texts line by line, with what is around a change. Strangers' text, shown and never interpreted. */
export const LineDiff = ({ label, before, after }: TextDiffProps) => {
  const hunks = useMemo(() => {
    if (before.length + after.length > CHARS_MAX) return null;
    return structuredPatch('', '', before, after, '', '', { context: CONTEXT_LINES, timeout: TIMEOUT_MS })?.hunks ?? null;
  }, [before, after]);
  if (hunks === null) return <TooLong />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={classes.lines} aria-label={`${label}: changed lines`} tabIndex={0}>
      {hunks.map(({ oldStart, lines }, nth) => (
        <div key={oldStart} className={nth === 0 ? undefined : classes.gap}>
          {lines.map((line, index) => {
            const mark = line.startsWith('+') ? '+' : line.startsWith('-') ? '-' : ' ';
            if (line.startsWith('\\')) return null;
            return (
              <div key={index} className={classes.line} data-mark={mark}>
                <span className={classes.mark} role="img" aria-label={WORDS[mark]}>
                  {mark}
                </span>
                <ForeignText text={line.slice(1)} block />
              </div>
            );
          })}
        </div>
      ))}
    </section>
  );
};

/** Two texts word by word, within each other. */
export const WordDiff = ({ label, before, after }: TextDiffProps) => {
  const parts = useMemo(() => {
    if (before.length + after.length > CHARS_MAX) return null;
    return diffWordsWithSpace(before, after, { timeout: TIMEOUT_MS }) ?? null;
  }, [before, after]);
  if (parts === null) return <TooLong />;
  return (
    <section className={classes.words} aria-label={`${label}: changed words`}>
      {parts.map(({ value, added, removed }, index) => {
        const text = <ForeignText text={value} />;
        if (added) return <ins key={index}>{text}</ins>;
        return removed ? <del key={index}>{text}</del> : <span key={index}>{text}</span>;
      })}
    </section>
  );
};
