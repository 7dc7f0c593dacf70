import type { ApprovalSummary } from '@sallyport/contracts';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Empty } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';
import classes from './approvals.module.css';
import { BOXES, type Box, type Inbox } from './inbox.js';
import { TimeLeft } from './time-left.js';
import { chainOf } from './words.js';

/** `1 of 2`: how far the slowest rule is. */
const progressOf = ({ demands }: ApprovalSummary): string => {
  const [slowest] = demands.toSorted((one, other) => other.quorum - other.answeredBy.length - (one.quorum - one.answeredBy.length));
  return slowest === undefined || slowest.quorum === 1 ? '' : `${slowest.answeredBy.length} of ${slowest.quorum} agreed`;
};

const COLUMNS: readonly GridColumn<ApprovalSummary>[] = [
  {
    id: 'request',
    header: 'Request',
    primary: true,
    width: 'minmax(0, 1fr)',
    cell: (one) => (
      <span className={classes.request}>
        <span className={classes.tool}>
          <ForeignText text={one.tool.id} />
        </span>
        <span className={classes.small}>
          <ForeignText text={chainOf(one).join(' → ')} />
        </span>
        <span className={classes.small}>
          {[one.tool.riskTier, progressOf(one), one.waitingCalls > 1 ? `${one.waitingCalls} calls wait` : '', waitOf(one)]
            .filter((part) => part !== '')
            .join(' · ')}
        </span>
      </span>
    ),
  },
  {
    id: 'standing',
    header: 'Standing',
    width: '6.5rem',
    align: 'end',
    cell: (one) =>
      one.status === 'pending' ? (
        <TimeLeft until={one.expiresAt} />
      ) : (
        <span className={classes.request}>
          <StatusBadge status={one.status} />
          <span className={classes.small}>
            <Instant at={one.expiresAt} relative />
          </span>
        </span>
      ),
  },
];

/** Whether the viewer may answer, where they may not. */
const waitOf = ({ status, refusal }: ApprovalSummary): string => {
  if (status !== 'pending' || refusal === null) return '';
  if (refusal === 'approval.self-approval') return 'your own call';
  return refusal === 'approval.already-answered' ? 'you agreed' : 'for others to answer';
};

interface RequestListProps {
  readonly inbox: Inbox;
  readonly box: Box;
  readonly shownId: string | null;
  readonly rowTo: (row: ApprovalSummary) => string;
  readonly isFiltered: boolean;
}

/** The requests of one box. */
export const RequestList = ({ inbox, box, shownId, rowTo, isFiltered }: RequestListProps) => (
  <DataGrid
    label={`Requests: ${BOXES[box].label}`}
    columns={COLUMNS}
    rows={inbox.rows}
    rowId={({ approvalId }) => approvalId}
    rowTo={rowTo}
    selectedId={shownId}
    hasMore={inbox.hasMore}
    onMore={inbox.more}
    empty={
      isFiltered ? (
        <Empty title="No request fits">Others may: empty the fields above.</Empty>
      ) : box === 'waiting' ? (
        <Empty title="Nobody waits for you">A call that needs a person appears here by itself.</Empty>
      ) : (
        <Empty title="Nothing here">What ended is kept for 90 days, and its events stay on record.</Empty>
      )
    }
  />
);
