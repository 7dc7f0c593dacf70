import { Anchor, Group } from '@mantine/core';
import { Link } from 'react-router';
import { ForeignText } from '../../components/foreign-text.js';

interface RuleLinksProps {
  readonly ids: readonly string[];
  /** The set that they are of; the one in force when left out. */
  readonly policySetHash?: string;
}

/** Rules by name, each leading to its text as it was. */
export const RuleLinks = ({ ids, policySetHash }: RuleLinksProps) => {
  const path = policySetHash === undefined ? '/policies' : `/policies/${encodeURIComponent(policySetHash)}`;
  if (ids.length === 0) return <>none</>;
  return (
    <Group gap="xs">
      {ids.map((id) => (
        <Anchor key={id} component={Link} size="sm" to={`${path}?${new URLSearchParams({ rule: id })}`}>
          <ForeignText text={id} />
        </Anchor>
      ))}
    </Group>
  );
};
