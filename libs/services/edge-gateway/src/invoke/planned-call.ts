import { AppError, type CallPlan, type Envelope, type EventData, type Json } from '@sallyport/contracts';
import { asksForPeople } from '@sallyport/domain';
import { type JsonObject, planResult } from '@sallyport/mcp';
import type { JoinedBudget } from '../join/answer-join.js';
import { obligedLabels } from './answer-inspection.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import { microsSince } from './elapsed.js';
import type { UpstreamExchange } from './exchange.port.js';
import type { Acted, GovernedDispatch } from './governed-dispatch.js';

type Decided = Envelope<'PolicyDecided'>;

/** A dry run: what makes the tool only say what it would do, and what is told of it. */
export interface Trial {
  /** The argument that is set to `true`. */
  readonly argument: string;
  readonly quoteMicros: number | null;
  /** The plan as a message, with what the tool said in it. */
  tell(output: Json): JsonObject;
}

/**
 * Ends a plan: tells what would be decided, charged, masked and asked. Nothing is sent but the dry run that the catalog declares for the tool, and
 * that only where the call itself would go out now.
 */
export class PlannedCall {
  constructor(
    private readonly governed: GovernedCall,
    private readonly quoted: JoinedBudget | null,
    private readonly dispatch: GovernedDispatch,
    private readonly dependencies: Pick<CallRunnerDependencies, 'clock'>,
  ) {}

  /** Throws `log.unavailable` and `store.unavailable` before anything was sent. */
  async tell(exchange: UpstreamExchange, decision: Decided, askedAtMs: number): Promise<Acted> {
    const { call, tool } = this.governed;
    const fault = decision.data.effect === 'deny' ? null : this.dispatch.faultOf(exchange);
    const plan = this.planOf(decision, fault);
    const quoteMicros = plan.quote?.amountMicros ?? null;
    const tell = (output: Json): JsonObject => ({ jsonrpc: '2.0', result: planResult({ ...plan, dryRun: output }, call.callId) });
    const argument = call.mayTryOut ? (tool?.dryRunArgument ?? null) : null;
    if (argument !== null && plan.effect === 'allow' && plan.code === null)
      return this.dispatch.tryOut(exchange, decision, askedAtMs, { argument, quoteMicros, tell });
    return this.end(exchange, { quoteMicros, decisionId: decision.id, redactions: plan.masked.arguments }, tell(null));
  }

  /** Ends the plan without sending anything. */
  private async end(
    exchange: UpstreamExchange,
    planned: Pick<EventData<'ToolCallPlanned'>, 'quoteMicros' | 'decisionId' | 'redactions'>,
    message: JsonObject,
  ): Promise<Acted> {
    const { call, story } = this.governed;
    const totalMicros = microsSince(this.dependencies.clock, call.receivedAtMs);
    const { events, durable } = story.step({ type: 'RecordPlan', data: { ...planned, dryRunHash: null, totalMicros } });
    if (events.length === 0) throw new AppError('policy.unavailable', `the plan of ${call.callId} is not answered`);
    await durable;
    await exchange.replay(message, call.callId);
    return { kind: 'answered', callId: call.callId, redactions: 0 };
  }

  private planOf({ data }: Decided, fault: { readonly code: string; readonly reasons: readonly string[] } | null): CallPlan {
    const approvalRuleIds = data.obligations.flatMap((obligation) => (obligation.type === 'require-approval' ? obligation.ruleIds : []));
    const unpaid = unpaidCodeOf(this.quoted);
    const { redactions } = this.governed.prepared.content.mask(obligedLabels(data, 'mask-arguments'));
    return {
      effect: data.effect === 'allow' && asksForPeople(data) ? 'require-approval' : data.effect,
      code: data.effect === 'deny' ? (data.code ?? 'policy.denied') : (fault?.code ?? unpaid),
      reasons: [...data.reasons, ...(fault?.reasons ?? [])],
      policyIds: data.policyIds,
      policySetHash: data.policySetHash,
      requiredScopes: data.requiredScopes,
      approvalRuleIds,
      masked: { arguments: redactions, resultLabels: [...obligedLabels(data, 'mask-result')] },
      quote: this.quoted?.type === 'quoted' ? quoteOf(this.quoted.event.data) : null,
      dryRun: null,
    };
  }
}

/** The code that a call would be refused with for its price. */
const unpaidCodeOf = (quoted: JoinedBudget | null): string | null => {
  if (quoted?.type === 'refused') return `budget.${quoted.event.data.reason}`;
  return quoted?.type === 'quoted' && !quoted.event.data.affordable ? 'budget.exhausted' : null;
};

/** What the call costs is what the dearest account is charged: every account is charged the same call. */
const quoteOf = ({ amounts, currency, affordable }: EventData<'BudgetQuoted'>): CallPlan['quote'] => ({
  amountMicros: amounts.reduce((most, { amountMicros }) => Math.max(most, amountMicros), 0),
  currency,
  affordable,
  accounts: amounts,
});
