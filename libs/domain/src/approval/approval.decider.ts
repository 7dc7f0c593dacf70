import type { AnswerRefusal } from '@sallyport/contracts';
import type { ApprovalBinding } from './approval-binding.js';
import { type Demands, mayAnswerRule, type RuleDemand } from './approval-rule.js';

/** What people are asked, fixed when they are asked. */
export interface ApprovalQuestion {
  readonly binding: ApprovalBinding;
  readonly demands: Demands;
}

/** One person agreed. */
export interface ApprovalVote {
  readonly by: string;
  readonly channel: string;
  readonly atMs: number;
}

/** What an open request knows. Times are milliseconds since 1970. */
export interface OpenApproval {
  readonly question: ApprovalQuestion;
  readonly votes: readonly ApprovalVote[];
  /** Ids of the calls that wait for the answer. */
  readonly waiting: readonly string[];
  /** Whether a client was told to come again with a new call, and none came since. */
  readonly promised: boolean;
  /** Until when people may answer; once granted, until when the grant may be used. */
  readonly expiresAtMs: number;
}

interface Closed {
  readonly question: ApprovalQuestion;
  readonly votes: readonly ApprovalVote[];
  readonly atMs: number;
}

/** Where a request stands. Out of `used`, `rejected`, `expired` and `withdrawn` nothing leads. */
export type ApprovalState =
  | { readonly status: 'none' }
  | ({ readonly status: 'pending' } & OpenApproval)
  | ({ readonly status: 'granted'; readonly grantedAtMs: number } & OpenApproval)
  | ({ readonly status: 'used'; readonly callId: string } & Closed)
  | ({ readonly status: 'rejected'; readonly by: string; readonly why: string; readonly channel: string } & Closed)
  | ({ readonly status: 'expired' } & Closed)
  | ({ readonly status: 'withdrawn'; readonly reason: string } & Closed);

/** A fact of a request. Some are for the log, all are for the state. */
export type ApprovalFact =
  | { readonly type: 'Asked'; readonly question: ApprovalQuestion; readonly callId: string; readonly expiresAtMs: number }
  /** Another call with the same binding waits for the same answer; or the same call again, which needs the same answer again. */
  | { readonly type: 'CallJoined'; readonly callId: string }
  /** A call stopped waiting. */
  | { readonly type: 'CallLeft'; readonly callId: string; readonly promised: boolean }
  | ({ readonly type: 'VoteCast' } & ApprovalVote)
  | { readonly type: 'Granted'; readonly atMs: number; readonly expiresAtMs: number }
  /** A call that came after the grant is answered from it. */
  | { readonly type: 'GrantHandedOut'; readonly callId: string }
  | { readonly type: 'GrantUsed'; readonly callId: string; readonly atMs: number }
  | { readonly type: 'Rejected'; readonly by: string; readonly why: string; readonly channel: string; readonly atMs: number }
  | { readonly type: 'Expired'; readonly atMs: number }
  | { readonly type: 'Withdrawn'; readonly reason: string; readonly atMs: number };

/** Who answers: the verified subject, and the agents acting for it, if any. */
export interface Answerer {
  readonly subject: string;
  readonly actors: readonly string[];
}

/** One person's answer. `seen` is what they looked at; named, it must be what the request is bound to. */
export interface Answer {
  readonly answerer: Answerer;
  readonly channel: string;
  readonly nowMs: number;
  readonly seen?: {
    readonly paramsHash?: string | undefined;
    readonly toolDigest?: string | undefined;
    /** How many had agreed. */
    readonly answers?: number | undefined;
  };
}

/** How a call that waited stopped waiting. */
export type CallEnd = 'dispatched' | 'hung-up' | 'awaiting-resend' | 'ended';

export type ApprovalCommand =
  | { readonly type: 'Ask'; readonly question: ApprovalQuestion; readonly callId: string; readonly nowMs: number }
  | ({ readonly type: 'Grant' } & Answer)
  | ({ readonly type: 'Reject'; readonly why: string } & Answer)
  | { readonly type: 'EndCall'; readonly callId: string; readonly how: CallEnd; readonly nowMs: number }
  | { readonly type: 'Expire'; readonly nowMs: number }
  | { readonly type: 'Withdraw'; readonly reason: string; readonly nowMs: number };

export const initialApproval: ApprovalState = { status: 'none' };

/** Folds one fact. Never judges. */
export const evolveApproval = (state: ApprovalState, fact: ApprovalFact): ApprovalState => {
  if (fact.type === 'Asked') {
    const { question, callId, expiresAtMs } = fact;
    return { status: 'pending', question, votes: [], waiting: [callId], promised: false, expiresAtMs };
  }
  if (!isOpen(state)) return state;
  const { question, votes } = state;
  switch (fact.type) {
    case 'CallJoined':
    case 'GrantHandedOut':
      return { ...state, waiting: [...state.waiting.filter((callId) => callId !== fact.callId), fact.callId], promised: false };
    case 'CallLeft':
      return { ...state, waiting: state.waiting.filter((callId) => callId !== fact.callId), promised: state.promised || fact.promised };
    case 'VoteCast':
      return { ...state, votes: [...votes, { by: fact.by, channel: fact.channel, atMs: fact.atMs }] };
    case 'Granted':
      return { ...state, status: 'granted', grantedAtMs: fact.atMs, expiresAtMs: fact.expiresAtMs };
    case 'GrantUsed':
      return { status: 'used', question, votes, callId: fact.callId, atMs: fact.atMs };
    case 'Rejected':
      return { status: 'rejected', question, votes, by: fact.by, why: fact.why, channel: fact.channel, atMs: fact.atMs };
    case 'Expired':
      return { status: 'expired', question, votes, atMs: fact.atMs };
    case 'Withdrawn':
      return { status: 'withdrawn', question, votes, reason: fact.reason, atMs: fact.atMs };
    default:
      return unreachable(fact);
  }
};

/**
 * Decides what a wish leads to. Guarantees: a closed request stays closed; a grant is used once; silence is a no; nobody of the principal
 * ever agrees; no person counts twice. An answer that does not count leads to nothing: `refusalOf` says why. Never throws.
 */
export const decideApproval = (command: ApprovalCommand, state: ApprovalState): readonly ApprovalFact[] => {
  switch (command.type) {
    case 'Ask':
      return ask(command, state);
    case 'Grant':
      return refusalOf(command, state) === null && state.status === 'pending' ? agree(command, state) : [];
    case 'Reject': {
      if (refusalOf(command, state) !== null) return [];
      const { answerer, why, channel, nowMs } = command;
      return [{ type: 'Rejected', by: answerer.subject, why, channel, atMs: nowMs }];
    }
    case 'EndCall':
      return endCall(command, state);
    case 'Expire':
      return state.status === 'pending' && command.nowMs >= state.expiresAtMs ? [{ type: 'Expired', atMs: command.nowMs }] : [];
    case 'Withdraw':
      return isOpen(state) ? [{ type: 'Withdrawn', reason: command.reason, atMs: command.nowMs }] : [];
    default:
      return unreachable(command);
  }
};

/** Why an answer does not count; `null` when it does. Who may not answer learns nothing of how the request stands. */
export const refusalOf = (command: Extract<ApprovalCommand, { type: 'Grant' | 'Reject' }>, state: ApprovalState): AnswerRefusal | null => {
  if (state.status === 'none') return 'request.not-found';
  const { answerer, nowMs, seen } = command;
  const { binding, demands } = state.question;
  if (isSelf(answerer, binding)) return 'approval.self-approval';
  if (!isPerson(answerer) || !demands.rules.some((rule) => mayAnswerRule(rule, answerer.subject))) return 'identity.forbidden';
  if (state.status === 'expired') return 'approval.expired';
  if (state.status !== 'pending') return 'approval.already-answered';
  if (nowMs >= state.expiresAtMs) return 'approval.expired';
  if (differs(seen?.paramsHash, binding.paramsHash) || differs(seen?.toolDigest, binding.toolDigest)) return 'approval.mismatch';
  if (command.type === 'Grant' && state.votes.some(({ by }) => by === answerer.subject)) return 'approval.already-answered';
  // One more agreement may have become the last that is needed: nobody gives it without knowing.
  if (differs(seen?.answers, state.votes.length)) return 'approval.changed';
  return null;
};

/** Whether a request can still answer a call with this binding: people may still agree, or the grant may still be used. */
export const isLive = (state: ApprovalState, nowMs: number): state is Extract<ApprovalState, OpenApproval> =>
  isOpen(state) && nowMs < state.expiresAtMs;

/** Whether an answerer is part of what asks: the same person, or one of the agents, under whichever kind of name. */
export const isSelf = (answerer: Answerer, { subject, actors }: Pick<ApprovalBinding, 'subject' | 'actors'>): boolean => {
  const asking = new Set([subject, ...actors].map(nameOf));
  return [answerer.subject, ...answerer.actors].some((id) => asking.has(nameOf(id)));
};

/** How many people must agree at least. */
export const quorumOf = ({ rules }: Demands): number => Math.max(...rules.map(({ quorum }) => quorum));

/** Those of a rule that agreed. */
export const answeredBy = (rule: RuleDemand, votes: readonly ApprovalVote[]): string[] =>
  votes.filter(({ by }) => mayAnswerRule(rule, by)).map(({ by }) => by);

const ask = ({ question, callId, nowMs }: Extract<ApprovalCommand, { type: 'Ask' }>, state: ApprovalState): readonly ApprovalFact[] => {
  if (state.status === 'none') return [{ type: 'Asked', question, callId, expiresAtMs: nowMs + question.demands.waitMs }];
  if (!isLive(state, nowMs)) return [];
  return [{ type: state.status === 'pending' ? 'CallJoined' : 'GrantHandedOut', callId }];
};

const agree = ({ answerer, channel, nowMs }: Answer, { votes, question }: OpenApproval): readonly ApprovalFact[] => {
  const vote = { by: answerer.subject, channel, atMs: nowMs };
  const all = [...votes, vote];
  const enough = question.demands.rules.every((rule) => answeredBy(rule, all).length >= rule.quorum);
  const cast: ApprovalFact = { type: 'VoteCast', ...vote };
  return enough ? [cast, { type: 'Granted', atMs: nowMs, expiresAtMs: nowMs + question.demands.grantMs }] : [cast];
};

const endCall = ({ callId, how, nowMs }: Extract<ApprovalCommand, { type: 'EndCall' }>, state: ApprovalState): readonly ApprovalFact[] => {
  if (!isOpen(state) || !state.waiting.includes(callId)) return [];
  if (state.status === 'granted' && how === 'dispatched') return [{ type: 'GrantUsed', callId, atMs: nowMs }];
  const left: ApprovalFact = { type: 'CallLeft', callId, promised: how === 'awaiting-resend' };
  const isKept = state.status === 'granted' || left.promised || state.promised || state.question.demands.detach;
  const isLast = state.waiting.length === 1;
  return isKept || !isLast ? [left] : [left, { type: 'Withdrawn', reason: how === 'hung-up' ? 'client-gone' : 'call-ended', atMs: nowMs }];
};

const isOpen = (state: ApprovalState): state is Extract<ApprovalState, OpenApproval> =>
  state.status === 'pending' || state.status === 'granted';

/** An agent, or a program without anybody behind it, does not agree for people. */
const isPerson = ({ subject, actors }: Answerer): boolean => subject.startsWith('user:') && actors.length === 0;

/** Names of one person or program under different kinds are one: who is `agent:x` to one issuer may be `service:x` to another. */
const nameOf = (id: string): string => id.replace(/^(user|service|agent):/, '');

const differs = <T extends string | number>(seen: T | undefined, bound: T): boolean => seen !== undefined && seen !== bound;

const unreachable = (value: never): never => {
  throw new TypeError(`not a fact or wish of an approval: ${JSON.stringify(value)}`);
};
