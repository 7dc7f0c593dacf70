import { Group, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import classes from './page-frame.module.css';

export interface PageFrameProps {
  /** Of the page and of the browser's tab. */
  readonly title: string;
  /** Instead of the title in the heading, e.g. with foreign text in it. */
  readonly heading?: ReactNode;
  /** One line below it. */
  readonly about?: ReactNode;
  /** To the right of the title. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** Title, actions, content: the same on every page. */
export const PageFrame = ({ title, heading, about, actions, children }: PageFrameProps) => {
  useEffect(() => {
    document.title = `${title} · Sallyport`;
  }, [title]);
  return (
    <div className={classes.page}>
      <Group justify="space-between" align="flex-end" gap="sm" mb="md">
        <div className={classes.titles}>
          <Title order={1}>{heading ?? title}</Title>
          {about !== undefined && (
            <Text size="sm" c="dimmed" component="div">
              {about}
            </Text>
          )}
        </div>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </div>
  );
};
