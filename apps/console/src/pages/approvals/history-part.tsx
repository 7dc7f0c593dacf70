import { Anchor, List, Table, Text } from '@mantine/core';
import type { ApprovalDetail, ApprovalHistory } from '@sallyport/contracts';
import { Link, useLocation } from 'react-router';
import { Instant } from '../../components/instant.js';
import { Scrolled } from '../../components/scrolled.js';
import { StatusBadge } from '../../components/status-badge.js';
import { Part } from './parts.js';

const ENDS = [
  ['used', 'Executed'],
  ['granted', 'Agreed, unused'],
  ['rejected', 'Rejected'],
  ['expired', 'Not answered'],
  ['withdrawn', 'Withdrawn'],
] as const satisfies readonly (readonly [keyof ApprovalHistory, string])[];

const sum = (history: ApprovalHistory): number => ENDS.reduce((total, [end]) => total + history[end], 0);

/** What became of requests alike. */
export const HistoryPart = ({ approval }: { readonly approval: ApprovalDetail }) => {
  const { history, historyOfSame, alike } = approval;
  const { search } = useLocation();
  return (
    <Part title="Alike before">
      {sum(history) === 0 ? (
        <Text size="sm">This person has not asked for this tool through these agents in the last 90 days.</Text>
      ) : (
        <>
          <Scrolled label="How they ended">
            <Table withRowBorders={false} fz="sm" verticalSpacing={2} horizontalSpacing="xs">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">Same person, agents and tool</Table.Th>
                  {ENDS.map(([end, label]) => (
                    <Table.Th key={end} scope="col" ta="end">
                      {label}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                <Counts label={`All ${sum(history)}`} history={history} />
                <Counts label={`Exactly this call ${sum(historyOfSame)}`} history={historyOfSame} />
              </Table.Tbody>
            </Table>
          </Scrolled>
          <List size="sm" mt="xs" spacing={2} listStyleType="none">
            {alike.map(({ approvalId, status, askedAt, isSameCall }) => (
              <List.Item key={approvalId}>
                <Anchor component={Link} to={`/approvals/${encodeURIComponent(approvalId)}${search}`} size="sm">
                  <Instant at={askedAt} precision="minute" />
                </Anchor>{' '}
                <StatusBadge status={status} />
                {isSameCall && ' exactly this call'}
              </List.Item>
            ))}
          </List>
        </>
      )}
    </Part>
  );
};

const Counts = ({ label, history }: { readonly label: string; readonly history: ApprovalHistory }) => (
  <Table.Tr>
    <Table.Th scope="row" fw={400}>
      {label}
    </Table.Th>
    {ENDS.map(([end]) => (
      <Table.Td key={end} ta="end">
        {history[end]}
      </Table.Td>
    ))}
  </Table.Tr>
);
