import { Button, Group, Text } from '@mantine/core';
import { ApprovalDetail } from '@sallyport/contracts';
import { IconBan, IconCheck } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { ApiFault } from '../../api/api-fault.js';
import { change } from '../../api/client.js';
import { queryClient } from '../../api/query-client.js';
import { useSession } from '../../api/session.js';
import { reportDone, reportFault } from '../../components/action-result.js';
import { Confirm } from '../../components/confirm.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Money } from '../../components/money.js';
import { useShortcuts } from '../../shell/shortcuts.js';
import classes from './approvals.module.css';
import { approvalKey } from './parts.js';
import { refusalText, standingOf } from './words.js';

type Answer = 'grant' | 'reject';

/** Somebody was first, or time was: the request is shown as it stands now, and nothing of the answer counts. */
const MEANWHILE = ['approval.already-answered', 'approval.changed', 'approval.expired', 'approval.mismatch'];
const REASON_MAX = 1_024;

interface AnswerBarProps {
  readonly approval: ApprovalDetail;
  /** Called when the person turns to answering: what is shown was seen. */
  readonly onSeen: () => void;
}

/** Agree or say no, each after a question that one key cannot answer. Who may not is told why before they try. */
export const AnswerBar = ({ approval, onSeen }: AnswerBarProps) => {
  const { subject } = useSession();
  const { refusal } = approval;
  const [asked, setAsked] = useState<{ readonly answer: Answer; readonly seen: ApprovalDetail } | null>(null);
  const standing = standingOf(approval);
  // What the dialog speaks of is no more: the page says what happened instead.
  useEffect(() => {
    setAsked((before) => (before === null || standingOf(before.seen) === standing ? before : null));
  }, [standing]);
  const ask = (answer: Answer): void => {
    onSeen();
    setAsked({ answer, seen: approval });
  };
  useShortcuts(
    refusal === null
      ? [
          { keys: 'a', does: 'Approve the request', run: () => ask('grant') },
          { keys: 'r', does: 'Reject the request', run: () => ask('reject') },
        ]
      : [],
  );

  return (
    <section className={`${classes.part} ${classes.answer}`} aria-label="Your answer">
      <Group gap="xs">
        <Button
          leftSection={<IconCheck size={16} stroke={2} />}
          disabled={refusal !== null}
          aria-describedby={refusal === null ? undefined : 'why-not'}
          onClick={() => ask('grant')}
        >
          Approve…
        </Button>
        <Button
          variant="default"
          leftSection={<IconBan size={16} stroke={2} />}
          disabled={refusal !== null}
          aria-describedby={refusal === null ? undefined : 'why-not'}
          onClick={() => ask('reject')}
        >
          Reject…
        </Button>
        {refusal !== null && (
          <Text id="why-not" size="sm" role="note">
            {refusalText(refusal, approval, subject)}
          </Text>
        )}
      </Group>
      <AnswerDialog answer="grant" asked={asked} onClose={() => setAsked(null)} />
      <AnswerDialog answer="reject" asked={asked} onClose={() => setAsked(null)} />
    </section>
  );
};

interface AnswerDialogProps {
  readonly answer: Answer;
  readonly asked: { readonly answer: Answer; readonly seen: ApprovalDetail } | null;
  readonly onClose: () => void;
}

const AnswerDialog = ({ answer, asked, onClose }: AnswerDialogProps) => {
  const isGrant = answer === 'grant';
  const seen = asked?.answer === answer ? asked.seen : null;
  const send = (reason: string): Promise<void> => (seen === null ? Promise.resolve() : sendAnswer(answer, seen, reason));
  return (
    <Confirm
      opened={seen !== null}
      onClose={onClose}
      title={isGrant ? 'Approve this call?' : 'Reject this call?'}
      confirmLabel={isGrant ? 'Approve' : 'Reject'}
      dangerous={!isGrant}
      {...(isGrant ? {} : { reason: { label: 'Why, for the agent and the record', required: true, maxLength: REASON_MAX } })}
      onConfirm={send}
    >
      {seen !== null && (
        <Text size="sm" component="div">
          <ForeignText text={seen.tool.id} /> for <ForeignText text={seen.subject} />
          {seen.price !== null && (
            <>
              , <Money micros={seen.price.amountMicros} currency={seen.price.currency} />
            </>
          )}
          . {isGrant ? 'Exactly this may then be executed, once.' : 'Nothing of it will be executed, and the agent is told why.'}
        </Text>
      )}
    </Confirm>
  );
};

/** Answers what was seen. Where it is not so any more, says so and lets the page show what is. */
const sendAnswer = async (answer: Answer, seen: ApprovalDetail, reason: string): Promise<void> => {
  const { approvalId, paramsHash, tool, votes, subject } = seen;
  const isGrant = answer === 'grant';
  try {
    const now = await change(ApprovalDetail, {
      method: 'POST',
      path: `/v1/approvals/${encodeURIComponent(approvalId)}/${answer}`,
      body: { paramsHash, toolDigest: tool.definitionDigest, answers: votes.length, ...(isGrant ? {} : { why: reason }) },
    });
    queryClient.setQueryData(approvalKey(approvalId), now);
    const what = (
      <>
        <ForeignText text={tool.id} /> for <ForeignText text={subject} />
      </>
    );
    if (!isGrant) reportDone({ title: 'Rejected', detail: <>{what} will not be sent.</> });
    else if (now.status === 'pending') reportDone({ title: 'Agreed; others must as well', detail: <>{what} waits on.</> });
    else reportDone({ title: 'Approved', detail: <>{what} may be sent, once.</> });
  } catch (error) {
    if (!(error instanceof ApiFault) || !MEANWHILE.includes(error.code)) throw error;
    reportFault(isGrant ? 'Not approved' : 'Not rejected', error);
    await queryClient.invalidateQueries({ queryKey: approvalKey(approvalId) });
  }
};
