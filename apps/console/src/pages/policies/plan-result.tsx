import { Anchor, Card, Group, Stack, Text, Title } from '@mantine/core';
import type { InvokePlan } from '@sallyport/contracts';
import { Link } from 'react-router';
import { summaryOfCode } from '../../api/api-fault.js';
import { Facts } from '../../components/facts.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Money } from '../../components/money.js';
import { StatusBadge } from '../../components/status-badge.js';
import { RuleLinks } from './rule-links.js';

const VERDICTS = {
  allow: 'It would be carried out.',
  deny: 'It would be refused.',
  'require-approval': 'People would be asked first, and it would be carried out when they agree.',
} as const;

/** What would become of a call. Nothing did. */
export const PlanResult = ({ planned: { callId, tool, plan } }: { readonly planned: InvokePlan }) => {
  const { effect, code, reasons, policyIds, policySetHash, requiredScopes, approvalRuleIds, masked, quote, dryRun } = plan;
  const isRefused = effect !== 'deny' && code !== null;
  return (
    <Card withBorder component="section" aria-label="What would happen">
      <Stack gap="md">
        <Group gap="sm">
          <Title order={2} size="h4">
            <ForeignText text={tool} />
          </Title>
          <StatusBadge status={isRefused ? 'deny' : effect} />
        </Group>
        <Text role="status">
          {isRefused ? 'Policy would let it through, and it would still be refused.' : VERDICTS[effect]} Nothing was carried out, nothing is
          held and nobody was asked.
        </Text>
        {code !== null && (
          <Text size="sm">
            <ForeignText text={code} />: <ForeignText text={summaryOfCode(code)} />
          </Text>
        )}
        {reasons.map((reason) => (
          <Text key={reason} size="sm">
            <ForeignText text={reason} />
          </Text>
        ))}
        <Facts
          facts={[
            { name: 'Rules that decide', value: <RuleLinks ids={policyIds} policySetHash={policySetHash} /> },
            { name: 'Approval rules that ask', value: <ForeignText text={approvalRuleIds.join(', ') || 'none'} /> },
            { name: 'Scopes a token would need besides', value: <ForeignText text={requiredScopes.join(', ') || 'none'} /> },
            {
              name: 'Price',
              value:
                quote === null ? (
                  'nobody can be charged'
                ) : (
                  <span>
                    <Money micros={quote.amountMicros} currency={quote.currency} /> {quote.affordable ? '' : '(a budget is spent)'}
                  </span>
                ),
            },
            {
              name: 'Masked in the arguments',
              value: <ForeignText text={masked.arguments.map(({ path, label }) => `${path} (${label})`).join(', ') || 'nothing'} />,
            },
            { name: 'Masked in the answer', value: <ForeignText text={masked.resultLabels.join(', ') || 'nothing'} /> },
          ]}
        />
        {dryRun !== null && (
          <div>
            <Text size="xs" c="dimmed">
              What the tool says it would do
            </Text>
            <ForeignText text={JSON.stringify(dryRun, null, 2)} block />
          </div>
        )}
        <Anchor component={Link} size="sm" to={`/calls/${encodeURIComponent(callId)}`}>
          This plan on record
        </Anchor>
      </Stack>
    </Card>
  );
};
