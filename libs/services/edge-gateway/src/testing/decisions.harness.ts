import { decodeEvent, type Envelope, type EventData, encodeEvent, type ToolRecord } from '@sallyport/contracts';
import type { EventLog, Subscription } from '@sallyport/log';
import { systemIdSource } from '@sallyport/platform';

type Decision = EventData<'PolicyDecided'>;
type Asked = Envelope<'ToolCallRequested'> | Envelope<'ToolCallReevaluationRequested'>;
/** What the decision point of a test says; `null`: nothing. */
export type Answering = (asked: Asked, evaluation: number) => Partial<Decision> | null | Promise<Partial<Decision> | null>;

/** What the accountant of a test says; `null`: nothing. By default everybody can pay. */
export type Accounting = (
  asked: Envelope<'ToolCallRequested'>,
) => { readonly refused: EventData<'BudgetReservationRefused'> } | { readonly reservedMicros: number } | null;

const freeOfCharge: Accounting = () => ({ reservedMicros: 0 });

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
  epoch: 1,
  durationMicros: 1,
  ...over,
});

/** A decision point and an accountant that answer by functions, over the log like the real ones. */
export const answerDecisions = async (
  log: EventLog,
  answering: Answering,
  accounting: Accounting = freeOfCharge,
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
        if (event.type !== 'ToolCallRequested' && event.type !== 'ToolCallReevaluationRequested') continue;
        if (event.type === 'ToolCallRequested' && event.data.requires.includes('budget')) answers.push(...accounted(event, accounting));
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

const accounted = (asked: Envelope<'ToolCallRequested'>, accounting: Accounting): ReturnType<typeof encodeEvent>[] => {
  const answer = accounting(asked);
  if (answer === null) return [];
  const head = { ...asked, id: systemIdSource.uuidv7(), version: 1, source: '/budget-accountant/test', causationId: asked.id } as const;
  if ('refused' in answer) return [encodeEvent({ ...head, type: 'BudgetReservationRefused', data: answer.refused })];
  const amounts = [{ account: asked.data.principal.subject, amountMicros: answer.reservedMicros, calls: 1 }];
  return [encodeEvent({ ...head, type: 'BudgetReserved', data: { amounts, currency: 'EUR', priceListVersion: '1' } })];
};

const decided = (asked: Asked, data: Decision): Envelope<'PolicyDecided'> => ({
  ...asked,
  id: systemIdSource.uuidv7(),
  type: 'PolicyDecided',
  version: 1,
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
