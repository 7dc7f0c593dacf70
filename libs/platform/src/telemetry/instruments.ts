import type { Attributes } from './attributes.js';

/** Seconds, as the MCP semantic conventions fix them for both operation durations. */
const OPERATION_BUCKETS_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300] as const;
/** An append takes between a tenth of a millisecond and a broker's restart. */
const APPEND_BUCKETS_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Every measurement that leaves this product. */
export const INSTRUMENTS = {
  serverOperationDuration: {
    kind: 'histogram',
    name: 'mcp.server.operation.duration',
    unit: 's',
    description: 'How long a request of an agent took at the gateway, from its first byte to the last of the answer.',
    buckets: OPERATION_BUCKETS_SECONDS,
  },
  clientOperationDuration: {
    kind: 'histogram',
    name: 'mcp.client.operation.duration',
    unit: 's',
    description: 'How long an upstream took to answer.',
    buckets: OPERATION_BUCKETS_SECONDS,
  },
  decisionDuration: {
    kind: 'histogram',
    name: 'sallyport.decision.duration',
    unit: 's',
    description: 'How long a call waited for its decision.',
    buckets: APPEND_BUCKETS_SECONDS,
  },
  logAppendDuration: {
    kind: 'histogram',
    name: 'sallyport.log.append.duration',
    unit: 's',
    description: 'How long an append to the log took until it was durable.',
    buckets: APPEND_BUCKETS_SECONDS,
  },
  decisions: { kind: 'counter', name: 'sallyport.decisions', unit: '{decision}', description: 'Decisions by effect.' },
  refusals: { kind: 'counter', name: 'sallyport.refusals', unit: '{call}', description: 'Calls refused, by stage and error code.' },
  rejections: {
    kind: 'counter',
    name: 'sallyport.rejections',
    unit: '{request}',
    description: 'Requests rejected before there was a call.',
  },
  redactions: {
    kind: 'counter',
    name: 'sallyport.redactions',
    unit: '{value}',
    description: 'Values masked, by content label and direction.',
  },
  poisoned: {
    kind: 'counter',
    name: 'sallyport.events.poisoned',
    unit: '{event}',
    description: 'Events that could not be handled and went to a dead letter.',
  },
  callsInFlight: {
    kind: 'up-down-counter',
    name: 'sallyport.calls.in_flight',
    unit: '{call}',
    description: 'Calls that were accepted and have not ended.',
  },
  callsInDoubt: {
    kind: 'counter',
    name: 'sallyport.calls.in_doubt',
    unit: '{call}',
    description: 'Calls that were sent and not answered, and that a person must settle.',
  },
  consumerLag: {
    kind: 'gauge',
    name: 'sallyport.consumer.lag',
    unit: '{event}',
    description: 'Events appended and not handled yet, by consumer group and topic.',
  },
  breakerState: {
    kind: 'gauge',
    name: 'sallyport.breaker.open',
    unit: '1',
    description: '1 while the circuit breaker of an upstream is open.',
  },
} as const satisfies Record<string, InstrumentDefinition>;

export type InstrumentDefinition =
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly unit: string;
      readonly description: string;
      readonly buckets: readonly number[];
    }
  | { readonly kind: 'counter' | 'up-down-counter' | 'gauge'; readonly name: string; readonly unit: string; readonly description: string };

/** Takes one value as it is. */
export interface RecordingInstrument {
  record(value: number, attributes?: Attributes): void;
}

/** Adds to a running sum. */
export interface AddingInstrument {
  add(value: number, attributes?: Attributes): void;
}

/** One instrument for each definition, with the method its kind has. */
export type Meters = {
  readonly [name in keyof typeof INSTRUMENTS]: (typeof INSTRUMENTS)[name]['kind'] extends 'histogram' | 'gauge'
    ? RecordingInstrument
    : AddingInstrument;
};

const NOTHING = { record: () => {}, add: () => {} };

/** Meters that measure nothing, for when nobody collects. */
export const noMeters: Meters = {
  serverOperationDuration: NOTHING,
  clientOperationDuration: NOTHING,
  decisionDuration: NOTHING,
  logAppendDuration: NOTHING,
  decisions: NOTHING,
  refusals: NOTHING,
  rejections: NOTHING,
  redactions: NOTHING,
  poisoned: NOTHING,
  callsInFlight: NOTHING,
  callsInDoubt: NOTHING,
  consumerLag: NOTHING,
  breakerState: NOTHING,
};
