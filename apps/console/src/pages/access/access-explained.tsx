import { Anchor, Group, Stack, Text, Title } from '@mantine/core';
import type { AccessAnswer, AccessCell, AccessPair } from '@sallyport/contracts';
import { Link } from 'react-router';
import { summaryOfCode } from '../../api/api-fault.js';
import { Facts } from '../../components/facts.js';
import { ForeignText } from '../../components/foreign-text.js';
import { StatusBadge } from '../../components/status-badge.js';
import { RuleLinks } from '../policies/rule-links.js';
import { builtInRule, obligationInWords } from '../policies/rule-words.js';

const ANSWERS: Readonly<Record<AccessAnswer, readonly [status: string, label: string, sentence: string]>> = {
  allow: ['allow', 'yes', 'Yes, whatever the arguments are.'],
  ask: ['require-approval', 'people are asked', 'Yes, when people agree to the call.'],
  depends: ['in-doubt', 'depends', 'It depends on the call; until then it counts as a no.'],
  deny: ['deny', 'no', 'No, whatever the arguments are.'],
};

/** Whether somebody may, in a word. */
export const AccessAnswerBadge = ({ answer }: { readonly answer: AccessAnswer }) => {
  const [status, label] = ANSWERS[answer];
  return <StatusBadge status={status} label={label} />;
};

/** A subject as people read it. */
export const nameOf = (subject: string): string => (subject === '*' ? 'everybody else' : subject);

const listed = (scopes: readonly string[]) => <ForeignText text={scopes.join(', ') || 'none'} />;

interface AccessExplainedProps {
  readonly cell: AccessCell;
  readonly pair: AccessPair | undefined;
  readonly policySetHash: string | undefined;
}

/** Why somebody may or may not: whose scopes they are, which rules say so, and on what it depends. */
export const AccessExplained = ({ cell, pair, policySetHash }: AccessExplainedProps) => {
  const { subject, agent, tool, answer, code, policyIds, reasons, dependsOn, obligations } = cell;
  const builtIn = policyIds.flatMap((id) => builtInRule(id) ?? []);
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Title order={2} size="h4">
          <ForeignText text={nameOf(subject)} /> {agent !== null && 'via '}
          {agent !== null && <ForeignText text={agent} />}: <ForeignText text={tool} />
        </Title>
        <AccessAnswerBadge answer={answer} />
      </Group>
      <Text size="sm">{ANSWERS[answer][2]}</Text>
      {dependsOn.length > 0 && <Text size="sm">What it depends on: {dependsOn.join(', ')}.</Text>}
      {code !== null && (
        <Text size="sm">
          <ForeignText text={code} />: <ForeignText text={summaryOfCode(code)} />
        </Text>
      )}
      {[...reasons, ...builtIn].map((reason) => (
        <Text key={reason} size="sm" c="dimmed">
          <ForeignText text={reason} />
        </Text>
      ))}
      <Facts
        facts={[
          { name: 'Rules that say so', value: <RuleLinks ids={policyIds} {...(policySetHash === undefined ? {} : { policySetHash })} /> },
          ...(pair === undefined
            ? []
            : [
                { name: 'Scopes of the person', value: listed(pair.ofSubject) },
                { name: 'Scopes of the agent', value: pair.ofAgent === null ? 'nobody acts for the person' : listed(pair.ofAgent) },
                {
                  name: 'Scopes delegated to the agent',
                  value: pair.delegated === null ? 'nobody acts for the person' : listed(pair.delegated),
                },
                { name: 'Scopes of all together', value: listed(pair.inForce) },
              ]),
        ]}
      />
      {answer !== 'deny' &&
        obligations.map((obligation) => (
          <Text key={JSON.stringify(obligation)} size="sm">
            {obligationInWords(obligation)}
          </Text>
        ))}
      <Anchor component={Link} size="sm" to={`/policies/try?${new URLSearchParams({ tool, ...(agent === null ? {} : { agent }) })}`}>
        Try a call
      </Anchor>
    </Stack>
  );
};
