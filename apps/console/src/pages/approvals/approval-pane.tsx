import { Alert, Anchor, Badge, Group, Text, Title } from '@mantine/core';
import { ApprovalDetail } from '@sallyport/contracts';
import { IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Money } from '../../components/money.js';
import { Mono } from '../../components/mono.js';
import { QueryView } from '../../components/query-view.js';
import { StatusBadge } from '../../components/status-badge.js';
import { AnswerBar } from './answer-bar.js';
import classes from './approvals.module.css';
import { AskingPart } from './asking-part.js';
import { HistoryPart } from './history-part.js';
import { OutcomePart } from './outcome-part.js';
import { ParamsPart } from './params-part.js';
import { approvalKey, CallLink, Part } from './parts.js';
import { TimeLeft } from './time-left.js';
import { chainOf, standingOf } from './words.js';

/** One request in full, and the answer to it. */
export const ApprovalPane = ({ approvalId }: { readonly approvalId: string }) => {
  const query = useQuery({
    queryKey: approvalKey(approvalId),
    queryFn: ({ signal }) => read(ApprovalDetail, `/v1/approvals/${encodeURIComponent(approvalId)}`, {}, signal),
  });
  return (
    <QueryView query={query} what="the request">
      {(approval) => <Request approval={approval} />}
    </QueryView>
  );
};

const Request = ({ approval }: { readonly approval: ApprovalDetail }) => {
  const { subject: viewer } = useSession();
  // How it stood when this person first saw it: what others did since is said, and never passes unseen.
  const [seen, setSeen] = useState(approval);
  const isOwn = seenByOwnAnswer(seen, approval, viewer);
  useEffect(() => {
    if (isOwn) setSeen(approval);
  }, [isOwn, approval]);
  const isChanged = standingOf(seen) !== standingOf(approval) && !isOwn;

  return (
    <article className={classes.detail} aria-label="The request">
      <header className={classes.part}>
        <Group justify="space-between" align="flex-start" gap="xs">
          <Title order={2}>
            <ForeignText text={approval.tool.id} />
          </Title>
          <Group gap="sm">
            <StatusBadge status={approval.status} label={approval.status === 'pending' ? 'waiting' : undefined} />
            {approval.status === 'pending' && (
              <Text size="sm" component="span">
                <TimeLeft until={approval.expiresAt} announce /> left
              </Text>
            )}
          </Group>
        </Group>
        <ol className={classes.chain} aria-label="Who asks, through whom">
          {chainOf(approval).map((name) => (
            <li key={name}>
              <ForeignText text={name} />
            </li>
          ))}
        </ol>
        {isChanged && (
          <Alert
            variant="outline"
            color="yellow"
            mt="sm"
            icon={<IconInfoCircle size={18} />}
            role="alert"
            title="This changed while you looked"
          >
            <Meanwhile approval={approval} />
          </Alert>
        )}
      </header>

      <Part title="What will be executed">
        <dl className={classes.facts}>
          <dt>Tool</dt>
          <dd>
            <ForeignText text={approval.tool.id} /> <Badge variant="default">{approval.tool.riskTier}</Badge>
          </dd>
          <dt>Definition</dt>
          <dd>
            version <ForeignText text={approval.tool.version} />, <Mono text={approval.tool.definitionDigest} first={19} copy="digest" />
          </dd>
          <dt>Environment</dt>
          <dd>
            <ForeignText text={approval.environment} />, <ForeignText text={approval.mode} />
          </dd>
          <dt>Identity from</dt>
          <dd>
            <ForeignText text={approval.issuer} />
            {approval.clientId !== null && (
              <>
                , client <ForeignText text={approval.clientId} />
              </>
            )}
          </dd>
          <dt>Cost</dt>
          <dd>
            <Price approval={approval} />
          </dd>
          <dt>Asked</dt>
          <dd>
            <Instant at={approval.askedAt} />, by call <CallLink callId={approval.callId} />
            {approval.waitingCalls > 0 &&
              `; ${approval.waitingCalls === 1 ? '1 call waits' : `${approval.waitingCalls} calls wait`} for the answer`}
          </dd>
        </dl>
      </Part>
      <ParamsPart approval={approval} />
      <AskingPart approval={approval} />
      <Claimed approval={approval} />
      <HistoryPart approval={approval} />
      <OutcomePart approval={approval} />
      {approval.status === 'pending' && <AnswerBar approval={approval} onSeen={() => setSeen(approval)} />}
    </article>
  );
};

/** Whether the only news is what the viewer said. */
const seenByOwnAnswer = (seen: ApprovalDetail, now: ApprovalDetail, viewer: string): boolean => {
  if (standingOf(seen) === standingOf(now)) return false;
  const others = now.votes.filter(({ by }) => by !== viewer).length - seen.votes.filter(({ by }) => by !== viewer).length;
  const by = now.outcome?.by ?? [];
  return others === 0 && (now.status === 'pending' || (by.at(-1) === viewer && now.status !== 'used' && now.status !== 'lapsed'));
};

/** What others did, in a sentence. */
const Meanwhile = ({ approval: { status, votes, outcome, expiresAt } }: { readonly approval: ApprovalDetail }) => {
  const last = votes.at(-1);
  switch (status) {
    case 'pending':
      return last === undefined ? null : (
        <>
          <ForeignText text={last.by} /> agreed <Instant at={last.at} relative />. Look again before you answer: yours may be the last that
          is needed.
        </>
      );
    case 'rejected':
      return (
        <>
          <ForeignText text={outcome?.by[0] ?? 'Somebody'} /> rejected it <Instant at={outcome?.at ?? null} relative />. Nothing of it will
          be executed.
        </>
      );
    case 'granted':
      return (
        <>
          <ForeignText text={last?.by ?? 'Somebody'} /> agreed <Instant at={last?.at ?? null} relative />. It may be used until{' '}
          <Instant at={expiresAt} />.
        </>
      );
    case 'used':
      return <>It was agreed to, and the call was sent.</>;
    case 'expired':
      return <>Nobody answered in time, which is a no.</>;
    case 'lapsed':
      return <>It was agreed to and not used in time.</>;
    case 'withdrawn':
      return <>The question was taken back.</>;
  }
};

const Price = ({ approval: { price } }: { readonly approval: ApprovalDetail }) => {
  if (price === null)
    return (
      <Text c="dimmed" size="sm" component="span">
        not known
      </Text>
    );
  return (
    <>
      <Money micros={price.amountMicros} currency={price.currency} />, charged to{' '}
      {price.accounts.map((account, index) => (
        <span key={account}>
          {index > 0 && ', '}
          <Anchor component={Link} to={`/budgets/${encodeURIComponent(account)}`} size="sm">
            <ForeignText text={account} />
          </Anchor>
        </span>
      ))}
      . Nothing is held while people are asked.
    </>
  );
};

const CLAIMS = [
  ['intent', 'Intent'],
  ['prompt', 'Prompt'],
  ['model', 'Model'],
  ['workflow', 'Workflow'],
  ['session', 'Session'],
  ['client', 'Client'],
] as const;

const Claimed = ({ approval: { claimed } }: { readonly approval: ApprovalDetail }) => {
  const said = CLAIMS.flatMap(([name, label]) => {
    const text = claimed[name];
    return text === null ? [] : [[label, text] as const];
  });
  if (said.length === 0) return null;
  return (
    <section className={`${classes.part} ${classes.claimed}`} aria-label="Claimed by the agent">
      <h3>Claimed by the agent, verified by nobody</h3>
      <dl className={classes.facts}>
        {said.map(([label, text]) => (
          <Fact key={label} label={label} text={text} />
        ))}
      </dl>
    </section>
  );
};

const Fact = ({ label, text }: { readonly label: string; readonly text: string }) => (
  <>
    <dt>{label}</dt>
    <dd>
      <ForeignText text={text} />
    </dd>
  </>
);
