import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { ForeignText } from './foreign-text.js';
import classes from './mono.module.css';

export interface MonoProps {
  /** An id, a hash, a path. */
  readonly text: string;
  /** What it is, for the copy button: `call id`. Without it there is nothing to copy. */
  readonly copy?: string;
  /** Shows so many characters of the start; the whole is in the title and is what is copied. */
  readonly first?: number;
}

/** An id or hash in the type of code, short where it may be, with a button that copies all of it. */
export const Mono = ({ text, copy, first }: MonoProps) => {
  const isShort = first !== undefined && text.length > first + 1;
  return (
    <span className={classes.mono}>
      <span title={isShort ? text : undefined}>
        <ForeignText text={isShort ? `${text.slice(0, first)}…` : text} />
      </span>
      {copy !== undefined && (
        <CopyButton value={text} timeout={1_500}>
          {({ copied, copy: copyNow }) => (
            <Tooltip label={copied ? 'Copied' : `Copy the ${copy}`}>
              <ActionIcon size="xs" variant="subtle" color="gray" onClick={copyNow} aria-label={copied ? 'Copied' : `Copy the ${copy}`}>
                {copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      )}
    </span>
  );
};
