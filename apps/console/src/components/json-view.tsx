import { Button, CopyButton, Group } from '@mantine/core';
import type { Json } from '@sallyport/contracts';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useMemo } from 'react';
import { ForeignText } from './foreign-text.js';
import classes from './json-view.module.css';

/** Characters that are shown; all of them are copied. */
const SHOWN_MAX = 40_000;

export interface JsonViewProps {
  /** What it is, for screen readers and the copy button: `the arguments`. */
  readonly what: string;
  readonly value: Json;
}

/** JSON as text, indented, never interpreted, with a button that copies all of it. */
export const JsonView = ({ what, value }: JsonViewProps) => {
  const text = useMemo(() => JSON.stringify(value, null, 2), [value]);
  return (
    <div className={classes.view}>
      <Group justify="flex-end" className={classes.actions}>
        <CopyButton value={text} timeout={1_500}>
          {({ copied, copy }) => (
            <Button
              size="compact-xs"
              variant="default"
              onClick={copy}
              leftSection={copied ? <IconCheck size={12} aria-hidden /> : <IconCopy size={12} aria-hidden />}
            >
              {copied ? 'Copied' : `Copy ${what}`}
            </Button>
          )}
        </CopyButton>
      </Group>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard */}
      {/* biome-ignore lint/a11y/useSemanticElements: no fields are in it, and a section with a name would be a landmark for each event */}
      <div className={classes.text} role="group" aria-label={what} tabIndex={0}>
        <ForeignText
          block
          text={text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}\n… ${text.length - SHOWN_MAX} more characters` : text}
        />
      </div>
    </div>
  );
};
