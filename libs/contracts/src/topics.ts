/** The five services; also the names of their consumer groups, roles and schemas (with `_` there). */
export const SERVICES = ['edge-gateway', 'policy-decision', 'budget-accountant', 'approval', 'audit-projector'] as const;
export type Service = (typeof SERVICES)[number];

/** One topic: who writes it (one writer, always), who reads it, what its key is. Access lists, AsyncAPI and the reference derive from this table. */
export interface TopicDefinition {
  readonly from: Service;
  readonly to: readonly Service[];
  readonly key: 'chainId' | 'tenantId + id' | 'tenantId' | 'log id' | 'key of the failed record';
  /** Fixed for life: the key decides the partition. */
  readonly partitions: number;
  readonly cleanup: 'delete' | 'compact';
  /** Event types it carries; `*` for dead letters, which carry what could not be handled. */
  readonly events: readonly string[];
}

const EVERYONE = SERVICES;
const deadLetter = (from: Service): TopicDefinition => ({
  from,
  to: ['policy-decision', 'audit-projector'],
  key: 'key of the failed record',
  partitions: 1,
  cleanup: 'delete',
  events: ['*'],
});

/** Every topic, the only list of them. Dots and hyphens only: `.` and `_` collide in Kafka's metric names. */
export const TOPICS = {
  'tool-call.events.v1': {
    from: 'edge-gateway',
    to: EVERYONE,
    key: 'chainId',
    partitions: 8,
    cleanup: 'delete',
    events: [
      'ToolCallRequested',
      'ToolCallReevaluationRequested',
      'ToolCallParked',
      'ToolCallResumed',
      'ToolCallRefused',
      'ToolCallDispatched',
      'ToolCallCompleted',
      'ToolCallFailed',
      'ToolCallPlanned',
      'ToolCallInputRequired',
      'ToolCallInDoubt',
      'ToolCallResolved',
      'ToolCallAbandoned',
      'ToolCallCancelled',
      'RequestRejected',
      'ConsoleSessionOpened',
      'ConsoleSessionEnded',
      'ToolDefinitionsObserved',
    ],
  },
  'policy.events.v1': {
    from: 'policy-decision',
    to: ['edge-gateway', 'approval', 'audit-projector'],
    key: 'chainId',
    partitions: 8,
    cleanup: 'delete',
    events: [
      'PolicyDecided',
      'PolicyChanged',
      'CatalogChanged',
      'DefinitionPinned',
      'DefinitionDrifted',
      'ControlChanged',
      'ChainPoisoned',
      'ChainCleared',
    ],
  },
  'budget.events.v1': {
    from: 'budget-accountant',
    to: ['edge-gateway', 'audit-projector'],
    key: 'chainId',
    partitions: 8,
    cleanup: 'delete',
    events: [
      'BudgetReserved',
      'BudgetReservationRefused',
      'BudgetSettled',
      'BudgetReleased',
      'BudgetOverran',
      'BudgetQuoted',
      'BudgetLimitChanged',
      'PriceListChanged',
    ],
  },
  'approval.events.v1': {
    from: 'approval',
    to: ['edge-gateway', 'policy-decision', 'audit-projector'],
    key: 'chainId',
    partitions: 8,
    cleanup: 'delete',
    events: [
      'ApprovalRequested',
      'ApprovalGranted',
      'ApprovalRejected',
      'ApprovalExpired',
      'ApprovalWithdrawn',
      'ApprovalParamsUnmasked',
      'ApprovalRuleChanged',
    ],
  },
  'catalog.state.v1': {
    from: 'policy-decision',
    to: ['edge-gateway', 'budget-accountant', 'approval', 'audit-projector'],
    key: 'tenantId + id',
    partitions: 1,
    cleanup: 'compact',
    events: ['ToolInCatalog'],
  },
  'policy.state.v1': {
    from: 'policy-decision',
    to: ['edge-gateway', 'audit-projector'],
    key: 'tenantId + id',
    partitions: 1,
    cleanup: 'compact',
    events: ['PolicySetInForce'],
  },
  'controls.state.v1': {
    from: 'policy-decision',
    to: ['edge-gateway', 'audit-projector'],
    key: 'tenantId + id',
    partitions: 1,
    cleanup: 'compact',
    events: ['ControlInForce'],
  },
  'budget.state.v1': {
    from: 'budget-accountant',
    to: ['edge-gateway', 'audit-projector'],
    key: 'tenantId + id',
    partitions: 1,
    cleanup: 'compact',
    events: ['BudgetAccountInForce'],
  },
  'audit.ocsf.v1': {
    from: 'audit-projector',
    to: [],
    key: 'tenantId',
    partitions: 8,
    cleanup: 'delete',
    events: ['OcsfApiActivity', 'OcsfAuthentication'],
  },
  'audit.checkpoints.v1': { from: 'audit-projector', to: [], key: 'log id', partitions: 1, cleanup: 'delete', events: ['AuditCheckpoint'] },
  'edge-gateway.dead-letter.v1': deadLetter('edge-gateway'),
  'policy-decision.dead-letter.v1': deadLetter('policy-decision'),
  'budget-accountant.dead-letter.v1': deadLetter('budget-accountant'),
  'approval.dead-letter.v1': deadLetter('approval'),
  'audit-projector.dead-letter.v1': deadLetter('audit-projector'),
} as const satisfies Record<string, TopicDefinition>;

export type TopicName = keyof typeof TOPICS;

/** The topic an event type is written to. */
export const topicOf = (eventType: string): TopicName => {
  const topic = TOPIC_BY_EVENT.get(eventType);
  if (topic === undefined) throw new TypeError(`no topic carries ${eventType}`);
  return topic;
};

const TOPIC_BY_EVENT = new Map<string, TopicName>(
  Object.entries(TOPICS).flatMap(([topic, { events }]) => events.filter((type) => type !== '*').map((type) => [type, topic as TopicName])),
);
