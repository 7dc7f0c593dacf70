import { Anchor, List, Progress, Stack, Text } from '@mantine/core';
import type { ApprovalDemand, ApprovalDetail } from '@sallyport/contracts';
import { Link } from 'react-router';
import { useSession } from '../../api/session.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Part } from './parts.js';

/** Why people are asked, by which rules, who may answer and who did. */
export const AskingPart = ({ approval }: { readonly approval: ApprovalDetail }) => {
  const { reasons, policyIds, demands, votes } = approval;
  return (
    <Part title="Why people are asked">
      <Stack gap="xs">
        {reasons.length > 0 && (
          <List size="sm" spacing={2}>
            {reasons.map((reason) => (
              <List.Item key={reason}>
                <ForeignText text={reason} />
              </List.Item>
            ))}
          </List>
        )}
        {policyIds.length > 0 && (
          <Text size="sm" component="div">
            Policies:{' '}
            {policyIds.map((id, index) => (
              <span key={id}>
                {index > 0 && ', '}
                <PolicyName id={id} />
              </span>
            ))}
          </Text>
        )}
        {demands.map((demand) => (
          <Demand key={demand.ruleId} demand={demand} />
        ))}
        {votes.length > 0 && (
          <List size="sm" spacing={2}>
            {votes.map(({ by, at, channel }) => (
              <List.Item key={by}>
                <ForeignText text={by} /> agreed <Instant at={at} />{' '}
                <Text span c="dimmed">
                  by {channel}
                </Text>
              </List.Item>
            ))}
          </List>
        )}
      </Stack>
    </Part>
  );
};

const PolicyName = ({ id }: { readonly id: string }) => {
  const { scopes } = useSession();
  if (!scopes.includes('sallyport:operate') && !scopes.includes('sallyport:audit')) return <ForeignText text={id} />;
  return (
    <Anchor component={Link} to={`/policies?rule=${encodeURIComponent(id)}`} size="sm">
      <ForeignText text={id} />
    </Anchor>
  );
};

const Demand = ({ demand: { ruleId, approvers, quorum, answeredBy } }: { readonly demand: ApprovalDemand }) => {
  const agreed = Math.min(answeredBy.length, quorum);
  const isAnybody = approvers.includes('*');
  return (
    <div>
      <Text size="sm" component="div">
        Rule <ForeignText text={ruleId} />: {agreed} of {quorum} agreed;{' '}
        {isAnybody ? 'every approver of the tenant may answer' : <Approvers names={approvers} />}.
      </Text>
      {quorum > 1 && <Progress value={(agreed / quorum) * 100} size="sm" mt={4} aria-label={`${agreed} of ${quorum} agreed`} />}
    </div>
  );
};

const Approvers = ({ names }: { readonly names: readonly string[] }) => (
  <>
    {names.map((name, index) => (
      <span key={name}>
        {index > 0 && (index === names.length - 1 ? ' and ' : ', ')}
        <ForeignText text={name} />
      </span>
    ))}{' '}
    may answer
  </>
);
