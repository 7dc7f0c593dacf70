import { Anchor, Card, Group, Text, Title } from '@mantine/core';
import type { PolicyText } from '@sallyport/contracts';
import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { ForeignText } from '../../components/foreign-text.js';
import { StatusBadge } from '../../components/status-badge.js';
import classes from './rule-card.module.css';
import { ruleInWords } from './rule-words.js';

const KINDS = { permit: ['allow', 'allows'], forbid: ['deny', 'forbids'] } as const;

/** One rule: what it does in words, what its author says, and its text. The one that the address names is brought into sight. */
export const RuleCard = ({ rule, isNamed }: { readonly rule: PolicyText; readonly isNamed: boolean }) => {
  const card = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isNamed) card.current?.scrollIntoView({ block: 'start' });
  }, [isNamed]);
  const [status, label] = rule.obligation === null ? KINDS[rule.effect] : (['dry-run', 'obliges'] as const);
  return (
    <Card withBorder ref={card} className={classes.card} data-named={isNamed || undefined} component="article" aria-label={rule.id}>
      <Group justify="space-between" gap="xs">
        <Title order={2} size="h5">
          <ForeignText text={rule.id} />
        </Title>
        <StatusBadge status={status} label={label} />
      </Group>
      <Text size="sm">{ruleInWords(rule)}</Text>
      {rule.reason !== null && (
        <Text size="sm" c="dimmed">
          <ForeignText text={rule.reason} />
        </Text>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className={classes.text} tabIndex={0} aria-label={`Text of ${rule.id}`}>
        <ForeignText text={rule.text} block />
      </section>
      <Group gap="md">
        <Text size="xs" c="dimmed">
          <ForeignText text={rule.file} />
        </Text>
        <Anchor component={Link} size="xs" to={`/calls?${new URLSearchParams({ text: rule.id })}`}>
          Calls it decided
        </Anchor>
      </Group>
    </Card>
  );
};
