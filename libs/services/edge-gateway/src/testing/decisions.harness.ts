import { decodeEvent, type Envelope, type EventData, encodeEvent, type ToolRecord } from '@sallyport/contracts';
import type { EventLog, Subscription } from '@sallyport/log';
import { systemIdSource } from '@sallyport/platform';

type Decision = EventData<'PolicyDecided'>;
type Asked = Envelope<'ToolCallRequested'> | Envelope<'ToolCallReevaluationRequested'> | Envelope<'ToolCallResumed'>;
/** What the decision point of a test says; `null`: nothing. */
export type Answering = (asked: Asked, evaluation: number) => Partial<Decision> | null | Promise<Partial<Decision> | null>;

/** What the accountant of a test says; `null`: nothing. By default everybody can pay. */
export type Accounting = (
  asked: Envelope<'ToolCallRequested'> | Envelope<'ToolCallResumed'>,
) =>
  | { readonly refused: EventData<'BudgetReservationRefused'> }
  | { readonly reservedMicros: number; readonly affordable?: boolean }
  | null;

const freeOfCharge: Accounting = () => ({ reservedMicros: 0 });

/** What people of a test say to a parked call, in order, after they were asked; `null`: nobody takes the question. */
export type People = (parked: Envelope<'ToolCallParked'>) => readonly PeopleSay[] | null;
type PeopleSay =
  | 'granted'
  | { readonly granted: Partial<EventData<'ApprovalGranted'>> }
  | { readonly rejected: string }
  | 'expired'
  | 'withdrawn';

const nobody: People = () => null;

export const DIGEST = `sha256:${'a'.repeat(64)}`;

export const aDecision = (over: Partial<Decision> = {}): Decision => ({
  effect: 'allow',
  code: null,
  policyIds: ['test'],
  policySetHash: DIGEST,
  engine: 'test',
  obligations: [],
  reasons: [],
  requiredScopes: [],
  visible: null,
  evaluation: 1,
  approvalId: null,
  epoch: 1,
  durationMicros: 1,
  ...over,
});

/** A decision point and an accountant that answer by functions, over the log like the real ones. */
export const answerDecisions = async (
  log: EventLog,
  answering: Answering,
  accounting: Accounting = freeOfCharge,
  people: People = nobody,
): Promise<Subscription> => {
  const subscription = await log.subscribe({
    group: 'policy-decision-test',
    topics: ['tool-call.events.v1'],
    from: 'latest',
    positions: 'ephemeral',
    handle: async ({ records }) => {
      const answers = [];
      for (const record of records) {
        const event = decodeEvent(record);
        if (event.type === 'ToolCallParked') answers.push(...told(event, people));
        if (event.type !== 'ToolCallRequested' && event.type !== 'ToolCallReevaluationRequested' && event.type !== 'ToolCallResumed')
          continue;
        if (event.type === 'ToolCallResumed' || (event.type === 'ToolCallRequested' && event.data.requires.includes('budget')))
          answers.push(...accounted(event, accounting));
        const evaluation = event.type === 'ToolCallRequested' ? 1 : event.data.evaluation;
        const answer = await answering(event, evaluation);
        if (answer !== null) answers.push(encodeEvent(decided(event, aDecision({ evaluation, ...answer }))));
      }
      if (answers.length > 0) await log.append(answers);
    },
  });
  await subscription.ready;
  return subscription;
};

const IN_AN_HOUR = '2999-01-01T00:00:00.000Z';

const told = (parked: Envelope<'ToolCallParked'>, people: People): ReturnType<typeof encodeEvent>[] => {
  const said = people(parked);
  const { paramsHash, toolDigest, request, approvalRuleIds } = parked.data;
  if (said === null || request === undefined) return [];
  const approvalId = parked.data.approvalId ?? `approval-of-${parked.callId}`;
  const head = () => ({ ...parked, id: systemIdSource.uuidv7(), version: 1, source: '/approval/test', causationId: parked.id }) as const;
  const bound = { approvalId, paramsHash, toolDigest };
  const asked = { ...bound, principal: request.principal, tool: request.tool?.id ?? '', paramsMasked: null, ruleIds: approvalRuleIds };
  return [
    encodeEvent({
      ...head(),
      type: 'ApprovalRequested',
      data: { ...asked, approvers: ['*'], quorum: 1, expiresAt: IN_AN_HOUR },
    }),
    ...said.map((say) => {
      if (say === 'expired') return encodeEvent({ ...head(), type: 'ApprovalExpired', data: { approvalId } });
      if (say === 'withdrawn') return encodeEvent({ ...head(), type: 'ApprovalWithdrawn', data: { approvalId, reason: 'test' } });
      if (say !== 'granted' && 'rejected' in say)
        return encodeEvent({
          ...head(),
          type: 'ApprovalRejected',
          data: { approvalId, rejectedBy: 'user:grace', channel: 'cli', why: say.rejected },
        });
      const over = say === 'granted' ? {} : say.granted;
      const data = { ...bound, grantedBy: ['user:grace'], channel: 'cli', expiresAt: IN_AN_HOUR, ruleIds: approvalRuleIds, ...over };
      return encodeEvent({ ...head(), type: 'ApprovalGranted', data });
    }),
  ];
};

const accounted = (
  asked: Envelope<'ToolCallRequested'> | Envelope<'ToolCallResumed'>,
  accounting: Accounting,
): ReturnType<typeof encodeEvent>[] => {
  const answer = accounting(asked);
  if (answer === null) return [];
  const head = { ...asked, id: systemIdSource.uuidv7(), version: 1, source: '/budget-accountant/test', causationId: asked.id } as const;
  if (asked.type === 'ToolCallRequested' && asked.data.purpose === 'plan' && 'reservedMicros' in answer) {
    const quoted = [{ account: asked.data.principal.subject, amountMicros: answer.reservedMicros, calls: 1 }];
    return [
      encodeEvent({
        ...head,
        type: 'BudgetQuoted',
        data: { amounts: quoted, currency: 'EUR', priceListVersion: '1', affordable: answer.affordable ?? true },
      }),
    ];
  }
  if ('refused' in answer) return [encodeEvent({ ...head, type: 'BudgetReservationRefused', data: answer.refused })];
  const amounts = [{ account: asked.subject ?? 'nobody', amountMicros: answer.reservedMicros, calls: 1 }];
  return [encodeEvent({ ...head, type: 'BudgetReserved', data: { amounts, currency: 'EUR', priceListVersion: '1' } })];
};

const decided = (asked: Asked, data: Decision): Envelope<'PolicyDecided'> => ({
  ...asked,
  id: systemIdSource.uuidv7(),
  type: 'PolicyDecided',
  version: 2,
  source: '/policy-decision/test',
  causationId: asked.id,
  data,
});

export const aToolRecord = (over: Partial<ToolRecord> & Pick<ToolRecord, 'server' | 'name'>): ToolRecord => ({
  id: `${over.server}/${over.name}`,
  tenantId: 'acme',
  owner: 'team',
  dataDomain: 'test',
  riskTier: 'read',
  version: '1',
  lifecycle: 'active',
  lastReviewed: '2026-11-01',
  supportContact: 'team@example.com',
  costMicros: 0,
  currency: 'EUR',
  scopes: [],
  tags: [],
  pinnedDigest: DIGEST,
  definition: { name: over.name, inputSchema: { type: 'object' } },
  driftedDigest: null,
  missing: [],
  epoch: 1,
  ...over,
});

/** Puts tools on the catalog's topic, as the decision point would. */
export const publishTools = (log: EventLog, tools: readonly ToolRecord[]): Promise<void> =>
  log.append(
    tools.map((data) =>
      encodeEvent({
        id: systemIdSource.uuidv7(),
        type: 'ToolInCatalog',
        version: 1,
        source: '/policy-decision/test',
        occurredAt: new Date().toISOString(),
        tenantId: data.tenantId,
        key: `${data.tenantId}/${data.id}`,
        callId: null,
        chainId: null,
        subject: null,
        actor: null,
        causationId: null,
        traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
        edgeId: null,
        data,
      }),
    ),
  );
