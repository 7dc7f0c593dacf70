import { Group, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import classes from './section.module.css';

export interface SectionProps {
  readonly title: string;
  /** Beside the title. */
  readonly mark?: ReactNode;
  /** At the other end. */
  readonly actions?: ReactNode;
  /** On a surface of its own. Default: `true`. */
  readonly framed?: boolean;
  readonly children: ReactNode;
}

/** A part of a page with a heading of its own. */
export const Section = ({ title, mark, actions, framed = true, children }: SectionProps) => {
  const id = useId();
  return (
    <section className={classes.section} aria-labelledby={id}>
      <Group justify="space-between" gap="sm" mb={6} mih={26}>
        <Group gap="sm">
          <Title order={2} id={id}>
            {title}
          </Title>
          {mark}
        </Group>
        {actions}
      </Group>
      {framed ? <div className={classes.surface}>{children}</div> : children}
    </section>
  );
};
