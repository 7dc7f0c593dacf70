import { AWAITING_RESEND, type EventData, type RequestFacts } from '@sallyport/contracts';
import { CLIENT_GONE, mayHaveEffect } from './effect.js';

/** An answer the edge waits for before it may act. */
export type RequiredAnswer = 'policy' | 'budget';
type Purpose = RequestFacts['purpose'];
type Decision = EventData<'PolicyDecided'>;
type Obligation = Decision['obligations'][number];

/** What has been asked, and what has been answered to this evaluation so far. */
export interface Asked {
  readonly purpose: Purpose;
  readonly requires: readonly RequiredAnswer[];
  /** Counts the times a decision was asked for, from 1. Answers to an earlier one are late and mean nothing. */
  readonly evaluation: number;
  readonly paramsHash: string;
  /** The pinned definition the call was asked under; `null` where no tool is called. */
  readonly toolDigest: string | null;
  readonly labels: readonly string[];
  /** Whether sending it may change something: then an answer that never came leaves it in doubt. */
  readonly mayHaveEffect: boolean;
  readonly policy: Pick<Decision, 'effect' | 'obligations' | 'code' | 'approvalId'> | null;
  readonly budget: 'reserved' | 'quoted' | 'refused' | null;
}

/** Where a call stands. `closed` is final: no command moves a call out of it. */
export type ToolCallState =
  | { readonly status: 'none' }
  | ({ readonly status: 'requested' } & Asked)
  | ({ readonly status: 'parked' } & Asked)
  | ({ readonly status: 'dispatched'; readonly attempt: number; readonly round: number } & Asked)
  | ({ readonly status: 'input-required'; readonly attempt: number; readonly round: number } & Asked)
  | { readonly status: 'in-doubt'; readonly attempt: number }
  | { readonly status: 'closed'; readonly by: ClosingEvent };

type ClosingEvent =
  | 'ToolCallRefused'
  | 'ToolCallCompleted'
  | 'ToolCallFailed'
  | 'ToolCallPlanned'
  | 'ToolCallResolved'
  | 'ToolCallAbandoned'
  | 'ToolCallCancelled';
type OwnEvent =
  | 'ToolCallRequested'
  | 'ToolCallReevaluationRequested'
  | 'ToolCallParked'
  | 'ToolCallResumed'
  | 'ToolCallDispatched'
  | 'ToolCallInputRequired'
  | 'ToolCallInDoubt'
  | ClosingEvent;
type Answer = 'PolicyDecided' | 'BudgetReserved' | 'BudgetQuoted' | 'BudgetReservationRefused';

/** A fact of a call that the edge writes. */
export type ToolCallEvent = { [T in OwnEvent]: { readonly type: T; readonly data: EventData<T> } }[OwnEvent];
/** A fact of the call's story, whoever wrote it. */
export type ToolCallFact = ToolCallEvent | { [T in Answer]: { readonly type: T; readonly data: EventData<T> } }[Answer];

type Completed = EventData<'ToolCallCompleted'>;
type Failed = EventData<'ToolCallFailed'>;
type Reached = Failed['reached'];

/** The request as recorded first: a question asked again stands alone, for a decision point that never saw the first. */
export interface Question {
  readonly request: RequestFacts;
  readonly sealedParams: string;
}

/** A wish of the edge. Times come in as measured durations; the decider knows no clock. */
export type ToolCallCommand =
  | { readonly type: 'RequestCall'; readonly data: EventData<'ToolCallRequested'> }
  | {
      readonly type: 'RefuseAtEdge';
      readonly data: {
        readonly code: string;
        readonly reasons: readonly string[];
        readonly totalMicros: number;
        readonly request: RequestFacts;
      };
    }
  | { readonly type: 'RecordPolicyDecision'; readonly data: { readonly decision: Decision; readonly totalMicros: number } }
  | {
      readonly type: 'RecordBudgetAnswer';
      readonly data: {
        readonly answer: { readonly type: 'reserved' | 'quoted' } | { readonly type: 'refused'; readonly reason: string };
        readonly totalMicros: number;
      };
    }
  /** The edge found after the request that it must not go on: an answer nobody can read, a claim that was not won, a server without a route. */
  | {
      readonly type: 'RefuseBeforeDispatch';
      readonly data: {
        readonly stage: 'policy' | 'budget' | 'approval' | 'dispatch';
        readonly code: string;
        readonly reasons: readonly string[];
        readonly totalMicros: number;
      };
    }
  /** `answers`: the wait for answers is over; `ttl`: the call itself is worth nothing any more. */
  | { readonly type: 'PassDeadline'; readonly data: { readonly deadline: 'answers' | 'ttl'; readonly totalMicros: number } }
  /** Waits for people: policy asks for them, the grant at hand was used by another call, or the client of a parked call came back. */
  | { readonly type: 'Park'; readonly data: EventData<'ToolCallParked'> }
  /** People agreed to something; whether it was this is decided here. `remainingMs`: how long the grant is still good for. */
  | {
      readonly type: 'Resume';
      readonly data: {
        readonly grant: { readonly paramsHash: string; readonly toolDigest: string; readonly remainingMs: number };
        readonly resumed: Omit<EventData<'ToolCallResumed'>, 'evaluation'>;
        readonly totalMicros: number;
      };
    }
  /** No grant came out of it: people said no or nothing, the question was taken back, or nobody could be asked. */
  | {
      readonly type: 'RecordApprovalEnd';
      readonly data: {
        readonly how: 'rejected' | 'expired' | 'withdrawn' | 'unavailable';
        readonly reasons: readonly string[];
        readonly totalMicros: number;
      };
    }
  /** The client was told to send the call again once people have answered. */
  | { readonly type: 'AwaitResend' }
  | {
      readonly type: 'Dispatch';
      readonly data: {
        readonly decisionAgeMs: number | null;
        readonly question: Question;
        readonly dispatched: EventData<'ToolCallDispatched'>;
      };
    }
  /** The decision grew too old between the dispatch on record and its first byte: nothing of it was sent, and everybody hears that it is asked anew. */
  | { readonly type: 'RecallDispatch'; readonly data: { readonly question: Question } }
  /** The gateway answers by itself; nothing goes to an upstream. `isReplay`: with the recorded answer of a call that people agreed to. */
  | {
      readonly type: 'AnswerLocally';
      readonly data: {
        readonly decisionAgeMs: number | null;
        readonly question: Question;
        readonly completed: Completed;
        readonly isReplay?: boolean;
      };
    }
  /** Ends a plan with what was found out. */
  | { readonly type: 'RecordPlan'; readonly data: EventData<'ToolCallPlanned'> }
  | { readonly type: 'RecordAnswer'; readonly data: Completed }
  /** No usable answer came. `isRefused`: its server said that it did not act on it. */
  | { readonly type: 'RecordFailure'; readonly data: Failed; readonly isRefused: boolean }
  | { readonly type: 'RequireInput'; readonly data: Omit<EventData<'ToolCallInputRequired'>, 'round'> }
  | { readonly type: 'Cancel'; readonly data: { readonly reached: Reached; readonly totalMicros: number } };

/**
 * How old the question behind a decision may be when bytes go out: the second a change of policy waits before it returns
 * (architecture, "One change, no stale decision").
 */
export const DECISION_AGE_MS_MAX = 1_000;

export const initialToolCall: ToolCallState = { status: 'none' };

/** Folds one fact. Never judges; answers to another evaluation and second answers change nothing. */
export const evolveToolCall = (state: ToolCallState, event: ToolCallFact): ToolCallState => {
  switch (event.type) {
    case 'ToolCallRequested': {
      const { purpose, requires, paramsHash, labels, tool, method } = event.data;
      return {
        ...{ status: 'requested', purpose, requires, paramsHash, labels, evaluation: 1, policy: null, budget: null },
        toolDigest: tool?.definitionDigest ?? null,
        mayHaveEffect: mayHaveEffect({ method, riskTier: tool?.riskTier ?? null }),
      };
    }
    case 'ToolCallReevaluationRequested': {
      if (!isOpen(state)) return state;
      const { evaluation, paramsHash, labels } = event.data;
      // The accountant keeps the hold over an evaluation; only the decision is asked anew.
      return { ...asked(state), status: 'requested', evaluation, paramsHash, labels, policy: null };
    }
    case 'ToolCallParked':
      return isOpen(state) ? { ...asked(state), status: 'parked', policy: null, budget: null } : state;
    case 'ToolCallResumed':
      return isOpen(state)
        ? { ...asked(state), status: 'requested', evaluation: event.data.evaluation, policy: null, budget: null }
        : state;
    case 'PolicyDecided':
      if (state.status !== 'requested' || state.policy !== null || event.data.evaluation !== state.evaluation) return state;
      return { ...state, policy: event.data };
    case 'BudgetReserved':
      return state.status === 'requested' && state.budget === null ? { ...state, budget: 'reserved' } : state;
    case 'BudgetQuoted':
      return state.status === 'requested' && state.budget === null ? { ...state, budget: 'quoted' } : state;
    case 'BudgetReservationRefused':
      return state.status === 'requested' && state.budget === null ? { ...state, budget: 'refused' } : state;
    case 'ToolCallDispatched':
      return isOpen(state) ? { ...asked(state), status: 'dispatched', attempt: event.data.attempt, round: roundOf(state) } : state;
    case 'ToolCallInputRequired':
      if (state.status !== 'dispatched') return state;
      return { ...state, status: 'input-required', round: event.data.round };
    case 'ToolCallInDoubt':
      return state.status === 'closed' ? state : { status: 'in-doubt', attempt: event.data.attempt };
    case 'ToolCallRefused':
    case 'ToolCallCompleted':
    case 'ToolCallFailed':
    case 'ToolCallPlanned':
    case 'ToolCallResolved':
    case 'ToolCallAbandoned':
    case 'ToolCallCancelled':
      return state.status === 'closed' ? state : { status: 'closed', by: event.type };
    default:
      return unreachable(event);
  }
};

/**
 * Decides what a wish leads to. Guarantees: nothing is dispatched or answered without every required answer to the evaluation in force, nor on
 * a decision older than `DECISION_AGE_MS_MAX`; a closed call stays closed; what comes late or twice leads to nothing. Never throws.
 */
export const decideToolCall = (command: ToolCallCommand, state: ToolCallState): readonly ToolCallEvent[] => {
  switch (command.type) {
    case 'RequestCall':
      return state.status === 'none' ? [{ type: 'ToolCallRequested', data: command.data }] : [];
    case 'RefuseAtEdge': {
      if (state.status !== 'none') return [];
      const { code, reasons, request, totalMicros } = command.data;
      return [refused({ stage: 'edge', code, reasons: [...reasons], request, totalMicros })];
    }
    case 'RecordPolicyDecision':
      return decideOnPolicy(command.data.decision, command.data.totalMicros, state);
    case 'RecordBudgetAnswer': {
      const { answer, totalMicros } = command.data;
      if (state.status !== 'requested' || state.budget !== null || answer.type !== 'refused' || state.purpose === 'plan') return [];
      return [refused({ stage: 'budget', code: `budget.${answer.reason}`, reasons: [], request: null, totalMicros })];
    }
    case 'RefuseBeforeDispatch': {
      if (state.status !== 'requested' && state.status !== 'parked') return [];
      const { stage, code, reasons, totalMicros } = command.data;
      return [refused({ stage, code, reasons: [...reasons], request: null, totalMicros })];
    }
    case 'PassDeadline':
      return passDeadline(command.data.deadline, command.data.totalMicros, state);
    case 'Park':
      return mayPark(state, command.data) ? [{ type: 'ToolCallParked', data: command.data }] : [];
    case 'Resume':
      return resume(command.data, state);
    case 'RecordApprovalEnd': {
      if (state.status !== 'parked') return [];
      const { how, reasons, totalMicros } = command.data;
      return [refused({ stage: 'approval', code: `approval.${how}`, reasons: [...reasons], request: null, totalMicros })];
    }
    case 'AwaitResend':
      return state.status === 'parked' ? [{ type: 'ToolCallAbandoned', data: { stage: 'parked', reason: AWAITING_RESEND } }] : [];
    case 'Dispatch': {
      const { decisionAgeMs, question, dispatched } = command.data;
      // A plan may try out what its tool calls a dry run, and nothing else.
      if (!isCleared(state) || (state.purpose === 'plan') !== dispatched.dryRun) return [];
      if (isTooOld(decisionAgeMs)) return [askAgain(state, question)];
      return [{ type: 'ToolCallDispatched', data: { ...dispatched, approvalId: state.policy?.approvalId ?? null } }];
    }
    case 'RecallDispatch':
      return state.status === 'dispatched' ? [askAgain(state, command.data.question)] : [];
    case 'AnswerLocally': {
      const { decisionAgeMs, question, completed, isReplay = false } = command.data;
      if (state.status !== 'requested' || state.purpose !== 'execute' || !(isReplay ? isClearedButForPeople(state) : isCleared(state)))
        return [];
      return isTooOld(decisionAgeMs) ? [askAgain(state, question)] : [{ type: 'ToolCallCompleted', data: completed }];
    }
    case 'RecordPlan': {
      const isAnswered = state.status === 'requested' && missingAnswers(state).length === 0;
      if ((!isAnswered && state.status !== 'dispatched') || state.purpose !== 'plan') return [];
      return [{ type: 'ToolCallPlanned', data: command.data }];
    }
    case 'RecordAnswer':
      return state.status === 'dispatched' && state.purpose === 'execute' ? [{ type: 'ToolCallCompleted', data: command.data }] : [];
    case 'RecordFailure': {
      if (state.status !== 'dispatched') return [];
      const { data, isRefused } = command;
      return [(isRefused ? null : doubt(data.reached, data.code, state)) ?? { type: 'ToolCallFailed', data }];
    }
    case 'RequireInput':
      return state.status === 'dispatched' ? [{ type: 'ToolCallInputRequired', data: { ...command.data, round: state.round + 1 } }] : [];
    case 'Cancel':
      return cancel(command.data, state);
    default:
      return unreachable(command);
  }
};

const decideOnPolicy = (decision: Decision, totalMicros: number, state: ToolCallState): readonly ToolCallEvent[] => {
  if (state.status !== 'requested' || state.policy !== null || decision.evaluation !== state.evaluation) return [];
  const refuse = (code: string, reasons: readonly string[]): readonly ToolCallEvent[] => [
    refused({ stage: 'policy', code, reasons: [...reasons].slice(0, 64), request: null, totalMicros }),
  ];
  // A plan tells what would be decided; but whether a hidden tool exists is told in no way.
  const isTold = state.purpose === 'plan' && decision.code !== 'tool.unknown';
  if (decision.effect === 'deny') return isTold ? [] : refuse(decision.code ?? 'policy.denied', decision.reasons);
  const unfulfilled = decision.obligations.filter((obligation) => obligation.type !== 'require-approval' && !canFulfil(obligation));
  if (unfulfilled.length > 0 && !isTold)
    return refuse(
      'policy.denied',
      unfulfilled.map((obligation) => `obligation.unfulfilled.${obligation.type}`),
    );
  return [];
};

/** Whether a call may wait for people: they are asked for exactly what was asked for, by policy's demand or under a call that waited before. */
const mayPark = (state: ToolCallState, { paramsHash, toolDigest }: EventData<'ToolCallParked'>): boolean => {
  if (state.status !== 'requested' && state.status !== 'parked') return false;
  if (state.purpose !== 'execute' || state.paramsHash !== paramsHash || state.toolDigest !== toolDigest) return false;
  if (state.status === 'parked') return true;
  return state.policy !== null && (asksForPeople(state.policy) || (state.policy.approvalId ?? null) !== null);
};

/** Whether a decision leaves the last word to people. */
export const asksForPeople = ({ effect, obligations }: Pick<Decision, 'effect' | 'obligations'>): boolean =>
  effect === 'require-approval' || (effect === 'allow' && obligations.some(({ type }) => type === 'require-approval'));

/** The state of a call that waits for people, for an instance that did not see it before: its client came back with what it was given. */
export const parkedToolCall = (
  asked: Pick<Asked, 'evaluation' | 'paramsHash' | 'toolDigest' | 'labels' | 'requires' | 'mayHaveEffect'>,
): ToolCallState => ({
  ...{ status: 'parked', purpose: 'execute', policy: null, budget: null },
  ...asked,
});

const resume = (
  { grant, resumed, totalMicros }: Extract<ToolCallCommand, { type: 'Resume' }>['data'],
  state: ToolCallState,
): readonly ToolCallEvent[] => {
  if (state.status !== 'parked') return [];
  const refuse = (code: string): readonly ToolCallEvent[] => [
    refused({ stage: 'approval', code, reasons: [], request: null, totalMicros }),
  ];
  if (grant.paramsHash !== state.paramsHash || grant.toolDigest !== state.toolDigest) return refuse('approval.mismatch');
  if (grant.remainingMs <= 0) return refuse('approval.expired');
  return [{ type: 'ToolCallResumed', data: { ...resumed, evaluation: state.evaluation + 1 } }];
};

/** Whether the edge can do what an obligation demands. What it cannot do is a denial (OpenID AuthZEN, obligations). */
const canFulfil = (obligation: Obligation): boolean => {
  switch (obligation.type) {
    case 'mask-arguments':
    case 'mask-result':
    case 'taint':
      return true;
    case 'require-approval':
    case 'dry-run':
      return false;
    default:
      return unreachable(obligation);
  }
};

const passDeadline = (deadline: 'answers' | 'ttl', totalMicros: number, state: ToolCallState): readonly ToolCallEvent[] => {
  if (state.status !== 'requested') return [];
  const missing = missingAnswers(state);
  if (deadline === 'ttl' || missing[0] === undefined)
    return [
      refused({
        stage: 'edge',
        code: 'call.deadline-passed',
        reasons: missing.map((answer) => `missing.${answer}`),
        request: null,
        totalMicros,
      }),
    ];
  return [
    refused({
      stage: missing[0],
      code: `${missing[0]}.unavailable`,
      reasons: missing.map((answer) => `missing.${answer}`),
      request: null,
      totalMicros,
    }),
  ];
};

const cancel = (data: { readonly reached: Reached; readonly totalMicros: number }, state: ToolCallState): readonly ToolCallEvent[] => {
  switch (state.status) {
    case 'requested':
    case 'parked':
      return [{ type: 'ToolCallCancelled', data: { stage: state.status, reached: 'no', totalMicros: data.totalMicros } }];
    case 'dispatched':
      return [doubt(data.reached, CLIENT_GONE, state) ?? cancelledBehindDispatch(data)];
    case 'input-required':
      return [cancelledBehindDispatch(data)];
    case 'none':
    case 'in-doubt':
    case 'closed':
      return [];
    default:
      return unreachable(state);
  }
};

const cancelledBehindDispatch = (data: { readonly reached: Reached; readonly totalMicros: number }): ToolCallEvent => ({
  type: 'ToolCallCancelled',
  data: { stage: 'dispatched', reached: data.reached, totalMicros: data.totalMicros },
});

/** What may have changed something and was not answered is in doubt, as where its gateway was lost; `null` for what is not. */
const doubt = (reached: Reached, because: string, state: Extract<ToolCallState, { status: 'dispatched' }>): ToolCallEvent | null =>
  reached === 'no' || !state.mayHaveEffect || state.purpose === 'plan'
    ? null
    : { type: 'ToolCallInDoubt', data: { attempt: state.attempt, reason: `${because} reached:${reached}` } };

const refused = (data: EventData<'ToolCallRefused'>): ToolCallEvent => ({ type: 'ToolCallRefused', data });

const askAgain = (state: Asked, question: Question): ToolCallEvent => ({
  type: 'ToolCallReevaluationRequested',
  data: {
    evaluation: state.evaluation + 1,
    reason: 'decision-too-old',
    sealedParams: question.sealedParams,
    paramsHash: state.paramsHash,
    labels: [...state.labels],
    edgeId: question.request.edgeId,
    request: question.request,
    approvalId: state.policy?.approvalId ?? null,
  },
});

const isTooOld = (decisionAgeMs: number | null): boolean => decisionAgeMs === null || decisionAgeMs > DECISION_AGE_MS_MAX;

/** The answers that a call still waits for. */
export const missingAnswers = (state: Asked): readonly RequiredAnswer[] =>
  state.requires.filter((answer) => (answer === 'policy' ? state.policy === null : state.budget === null));

type RequestedState = Extract<ToolCallState, { status: 'requested' }>;

const isCleared = (state: ToolCallState): state is RequestedState =>
  state.status === 'requested' &&
  isClearedButForPeople(state) &&
  state.policy?.effect === 'allow' &&
  state.policy.obligations.every(canFulfil);

/** People agreed to the call whose answer is told again; whether it still may be told is policy's to say. */
const isClearedButForPeople = (state: RequestedState): boolean =>
  state.requires.includes('policy') &&
  missingAnswers(state).length === 0 &&
  state.policy !== null &&
  state.policy.effect !== 'deny' &&
  state.policy.obligations.every((obligation) => obligation.type === 'require-approval' || canFulfil(obligation)) &&
  state.budget !== 'refused';

type OpenState = Extract<ToolCallState, Asked>;
const isOpen = (state: ToolCallState): state is OpenState =>
  state.status !== 'none' && state.status !== 'in-doubt' && state.status !== 'closed';

const asked = ({ purpose, requires, evaluation, paramsHash, toolDigest, labels, mayHaveEffect, policy, budget }: Asked): Asked => ({
  purpose,
  requires,
  evaluation,
  paramsHash,
  toolDigest,
  labels,
  mayHaveEffect,
  policy,
  budget,
});

const roundOf = (state: ToolCallState): number => ('round' in state ? state.round : 0);

const unreachable = (value: never): never => {
  throw new TypeError(`not a fact or wish of a call: ${JSON.stringify(value)}`);
};
