import type { ApprovalDetail, ApprovalSummary, CallPrice } from '@sallyport/contracts';
import { visibleField, visibleText } from '../audit/visible-text.js';

const LABEL_WIDTH = 12;

const row = (label: string, text: string): string => `  ${label.padEnd(LABEL_WIDTH)}${text}`;
const list = (values: readonly string[]): string => (values.length === 0 ? '-' : values.map(visibleField).join(', '));

const priceOf = ({ amountMicros, currency, accounts }: CallPrice): string =>
  `${(amountMicros / 1_000_000).toFixed(6)} ${currency}, to ${list(accounts)}`;

/** Who acts, from the person to the agent that makes the call. */
const whoOf = ({ subject, actors }: ApprovalSummary): string => [subject, ...actors.toReversed()].map(visibleField).join(' via ');

/** How far the slowest rule is: `1/2`. */
const progressOf = ({ demands }: ApprovalSummary): string => {
  const [slowest] = demands.toSorted((one, other) => other.quorum - other.answeredBy.length - (one.quorum - one.answeredBy.length));
  return slowest === undefined ? '0/0' : `${slowest.answeredBy.length}/${slowest.quorum}`;
};

/**
 * One request on one line: `019ab… pending user:ada via agent:triage asks for fs/write_file (write-high) 0/1 until 2026-11-21T12:15:00.000Z`.
 * Names that strangers choose are made visible and quoted, so that no name can add a field or hide one.
 */
export const formatApprovalLine = (approval: ApprovalSummary): string =>
  [
    visibleField(approval.approvalId),
    approval.status,
    whoOf(approval),
    'asks for',
    visibleField(approval.tool.id),
    `(${approval.tool.riskTier})`,
    progressOf(approval),
    'until',
    approval.expiresAt,
  ].join(' ');

/**
 * One request in full, for the person who answers: what will be sent, by whom, under which rules, and what became of others like it. What
 * the agent says of itself stands apart and is called claimed.
 */
export const formatApproval = (approval: ApprovalDetail): string => {
  const { tool, claimed, outcome, history, historyOfSame } = approval;
  const said = [
    ['model', claimed.model],
    ['intent', claimed.intent],
    ['prompt', claimed.prompt],
    ['client', claimed.client],
  ].flatMap(([name, value]) => (value === null || value === undefined ? [] : [`${name} ${visibleField(value)}`]));
  const masked = approval.redactions
    .map(({ path, label, count }) => `${visibleField(label)} ×${count} at ${visibleField(path)}`)
    .join(', ');
  return [
    formatApprovalLine(approval),
    row('tool', `${visibleField(tool.id)} version ${visibleField(tool.version)} ${visibleField(tool.definitionDigest)}`),
    row('risk', tool.riskTier),
    row('subject', `${visibleField(approval.subject)} of ${visibleField(approval.issuer)}`),
    row('agents', list(approval.actors)),
    row('mode', `${visibleField(approval.mode)} in ${visibleField(approval.environment)}`),
    row('reasons', list(approval.reasons)),
    row('policies', list(approval.policyIds)),
    ...(approval.price === null ? [] : [row('price', priceOf(approval.price))]),
    row('parameters', visibleText(JSON.stringify(approval.paramsMasked))),
    row('masked', masked === '' ? '-' : masked),
    row('digest', visibleField(approval.paramsHash)),
    ...approval.demands.map(({ ruleId, approvers, quorum, answeredBy }) =>
      row('rule', `${visibleField(ruleId)}: ${quorum} of ${list(approvers)}; agreed ${list(answeredBy)}`),
    ),
    ...(said.length === 0 ? [] : [row('claimed', `${said.join(', ')} (said by the agent, verified by nobody)`)]),
    row('call', `${visibleField(approval.callId)}, ${approval.waitingCalls} waiting`),
    row('asked', approval.askedAt),
    ...(outcome === null
      ? []
      : [
          row(
            'ended',
            `${approval.status} by ${list(outcome.by)} at ${outcome.at}${outcome.why === null ? '' : `: ${visibleField(outcome.why)}`}`,
          ),
        ]),
    row(
      'alike',
      `used ${history.used}, granted ${history.granted}, rejected ${history.rejected}, expired ${history.expired}, withdrawn ${history.withdrawn}; exactly this: used ${historyOfSame.used}, rejected ${historyOfSame.rejected}`,
    ),
  ].join('\n');
};
