import { Anchor, Text } from '@mantine/core';
import { PolicyVersion } from '@sallyport/contracts';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { read } from '../../api/client.js';
import { ForeignText } from '../../components/foreign-text.js';
import classes from './rule-text.module.css';

/** The rules that made a decision, with their text as it was in the set that decided. */
export const RuleTexts = ({ policyIds, policySetHash }: { readonly policyIds: readonly string[]; readonly policySetHash: string }) => {
  const set = useQuery({
    queryKey: ['policy-set', policySetHash],
    queryFn: ({ signal }) => read(PolicyVersion, `/v1/policies/${encodeURIComponent(policySetHash)}`, undefined, signal),
    // A set under its hash is always the same.
    staleTime: Number.POSITIVE_INFINITY,
    enabled: policyIds.length > 0,
  });
  if (policyIds.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No rule matched, and what nothing allows is denied.
      </Text>
    );
  }
  return (
    <ul className={classes.rules}>
      {policyIds.map((id) => {
        const rule = set.data?.policies.find((one) => one.id === id);
        return (
          <li key={id}>
            <Anchor component={Link} to={`/policies/${encodeURIComponent(policySetHash)}?${new URLSearchParams({ rule: id })}`} size="sm">
              <ForeignText text={id} />
            </Anchor>
            {rule !== undefined && (
              <>
                <Text size="xs" c="dimmed">
                  As it was when it decided, in <ForeignText text={rule.file} />
                </Text>
                <div className={classes.text}>
                  <ForeignText block text={rule.text} />
                </div>
              </>
            )}
            {rule === undefined && !set.isPending && (
              <Text size="xs" c="dimmed">
                Its text is not to be had:{' '}
                {set.error === null ? 'the set does not name it' : 'the set that decided is not kept any more, or nothing answered'}.
              </Text>
            )}
          </li>
        );
      })}
    </ul>
  );
};
