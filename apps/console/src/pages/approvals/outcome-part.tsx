import { Text } from '@mantine/core';
import { type ApprovalDetail, CallPage } from '@sallyport/contracts';
import { useQuery } from '@tanstack/react-query';
import { read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { StatusBadge } from '../../components/status-badge.js';
import { CallLink, Part } from './parts.js';
import { TimeLeft } from './time-left.js';

const ENDED = ['completed', 'tool-error', 'failed', 'refused', 'cancelled', 'abandoned', 'in-doubt'];
const LOOK_AGAIN_MS = 2_000;

/** How it ended, and what became of the call. */
export const OutcomePart = ({ approval }: { readonly approval: ApprovalDetail }) => {
  const { status, outcome, expiresAt } = approval;
  if (outcome === null) return null;
  const by = outcome.by.map((name, index) => (
    <span key={name}>
      {index > 0 && ', '}
      <ForeignText text={name} />
    </span>
  ));
  return (
    <Part title="What happened">
      <Text size="sm" component="div">
        {status === 'granted' && (
          <>
            Agreed to by {by}. Not used yet: good for <TimeLeft until={expiresAt} /> more, for one call.
          </>
        )}
        {status === 'lapsed' && (
          <>
            Agreed to by {by}, and not used until <Instant at={expiresAt} />. Nothing was executed.
          </>
        )}
        {status === 'used' && outcome.callId !== null && (
          <>
            Agreed to by {by}, used <Instant at={outcome.at} /> by call <CallLink callId={outcome.callId} />{' '}
            <CallOutcome callId={outcome.callId} />
          </>
        )}
        {status === 'rejected' && (
          <>
            Rejected by {by} <Instant at={outcome.at} />: <ForeignText text={outcome.why ?? ''} />
          </>
        )}
        {status === 'expired' && (
          <>
            Nobody answered until <Instant at={outcome.at} />, which is a no.
          </>
        )}
        {status === 'withdrawn' && (
          <>
            Taken back <Instant at={outcome.at} />: <Withdrawal why={outcome.why ?? ''} />
          </>
        )}
      </Text>
    </Part>
  );
};

const WITHDRAWALS: Readonly<Record<string, string>> = {
  'client-gone': 'the client that asked is gone.',
  'call-ended': 'the call that asked ended.',
  'rules-changed': 'the rules changed. Sent again, the call asks anew.',
};

const Withdrawal = ({ why }: { readonly why: string }) => <ForeignText text={WITHDRAWALS[why] ?? why} />;

/** How the call that used the grant ended, for who may read the record. */
const CallOutcome = ({ callId }: { readonly callId: string }) => {
  const { scopes } = useSession();
  const { data } = useQuery({
    queryKey: ['outcome of call', callId],
    queryFn: ({ signal }) => read(CallPage, '/v1/audit/calls', { callId }, signal),
    enabled: scopes.includes('sallyport:audit'),
    refetchInterval: ({ state }) => (ENDED.includes(state.data?.calls[0]?.outcome ?? '') ? false : LOOK_AGAIN_MS),
  });
  const outcome = data?.calls[0]?.outcome;
  return outcome === undefined ? null : <StatusBadge status={outcome} />;
};
