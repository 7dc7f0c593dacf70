import { AppError } from './errors/app-error.js';
import type { DataOf, EventDefinition } from './event-schema.js';
import { EVENT_DEFINITIONS, type PolicyDecidedV1 } from './events/index.js';
import { RECORD_HEADERS } from './headers.js';
import { toWritten } from './held-back.js';
import { type TopicName, topicOf } from './topics.js';
import { upcast } from './upcasters.js';

type AnyDefinition = (typeof EVENT_DEFINITIONS)[number];
/** Names of all events. */
export type EventType = AnyDefinition['type'];
type Earlier = typeof PolicyDecidedV1;
type Newest = { [D in Exclude<AnyDefinition, Earlier> as D['type']]: D };
/** The data of the newest version of an event. */
export type EventData<T extends EventType> = DataOf<Newest[T]>;

/** Who, when and where from, round what happened. On the wire: CloudEvents 1.0 in Kafka's binary mode. */
export interface Envelope<T extends EventType = EventType> {
  /** UUIDv7, or derived where an event may be published twice: consumers drop an id they have handled. */
  readonly id: string;
  readonly type: T;
  readonly version: number;
  /** `/<service>/<instance>`. */
  readonly source: string;
  /** RFC 3339 UTC. */
  readonly occurredAt: string;
  readonly tenantId: string;
  /** The record's key: the chain id of a call event, `tenantId + id` of a control event. */
  readonly key: string;
  readonly callId: string | null;
  readonly chainId: string | null;
  readonly subject: string | null;
  readonly actor: string | null;
  readonly causationId: string | null;
  readonly traceparent: string;
  /** The edge instance an answer is meant for. */
  readonly edgeId: string | null;
  readonly data: EventData<T>;
}

/** An envelope of any type, discriminated by `type`. */
export type AnyEnvelope = { [T in EventType]: Envelope<T> }[EventType];

/** A record as the log takes it. */
export interface EncodedEvent {
  readonly topic: TopicName;
  readonly key: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text of the data. */
  readonly value: string;
}

const DEFINITIONS = new Map<string, EventDefinition>();
const NEWEST = new Map<string, number>();
for (const definition of EVENT_DEFINITIONS) {
  DEFINITIONS.set(`${definition.type}.v${definition.version}`, definition);
  NEWEST.set(definition.type, definition.version);
}

const TYPE_PREFIX = 'io.sallyport.';

/**
 * Turns an event, whose data are of the newest version, into a record of its topic, in the version that is written today. The data is not
 * validated here: the types did, and the reader will.
 */
export const encodeEvent = (event: AnyEnvelope): EncodedEvent => {
  const { version, data } = toWritten(event.type, event.version, event.data);
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: `${TYPE_PREFIX}${event.type}.v${version}`,
    ce_time: event.occurredAt,
    ce_partitionkey: event.key,
    ce_tenantid: event.tenantId,
    ce_traceparent: event.traceparent,
    [RECORD_HEADERS.traceparent]: event.traceparent,
    [RECORD_HEADERS.contentType]: 'application/json',
  };
  if (event.callId !== null) {
    headers.ce_subject = event.callId;
    headers.ce_correlationid = event.callId;
  }
  if (event.chainId !== null) headers.ce_chainid = event.chainId;
  if (event.subject !== null) {
    headers.ce_authtype = event.subject.startsWith('service:') ? 'service_account' : 'app_user';
    headers.ce_authid = event.subject;
  }
  if (event.actor !== null) headers.ce_actorid = event.actor;
  if (event.causationId !== null) headers.ce_causationid = event.causationId;
  if (event.edgeId !== null) headers[RECORD_HEADERS.edgeId] = event.edgeId;
  return { topic: topicOf(event.type), key: event.key, id: event.id, headers, value: JSON.stringify(data) };
};

/** The event type named in record headers, without its version; `null` when there is none. Costs no parsing: use it to skip what is not yours. */
export const eventTypeOf = (headers: Readonly<Record<string, string>>): string | null => {
  const type = headers.ce_type;
  if (type === undefined || !type.startsWith(TYPE_PREFIX)) return null;
  const end = type.lastIndexOf('.v');
  return end > TYPE_PREFIX.length ? type.slice(TYPE_PREFIX.length, end) : null;
};

/** A record as readers have it. */
interface Readable {
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
  /** What it was read as, for the next reader in this process. With the record itself: a map beside it costs the collector more than it saves. */
  [READ]?: AnyEnvelope;
}

const READ = Symbol('read');

/**
 * Reads a record back: checks headers and data against the schema of the version it names, then upcasts to the newest.
 * Unknown fields are ignored (tolerant reader). Throws `contract.newer-event` for a later version of a known type, which whoever is brought
 * up to date can read, `contract.unknown-event` for any other type or version nobody declared and `contract.invalid-event` for data that
 * does not fit; no message contains data. Who reads the same record again gets the same object:
 * nobody may change it.
 */
export const decodeEvent = (record: Readable): AnyEnvelope => {
  record[READ] ??= read(record);
  return record[READ];
};

const read = (record: Readable): AnyEnvelope => {
  const { headers } = record;
  const type = eventTypeOf(headers);
  const version = Number(headers.ce_type?.slice(headers.ce_type.lastIndexOf('.v') + 2));
  const definition = type === null ? undefined : DEFINITIONS.get(`${type}.v${version}`);
  if (type !== null && version > (NEWEST.get(type) ?? Number.POSITIVE_INFINITY))
    throw new AppError('contract.newer-event', `${type}.v${version} was written by a newer release`);
  if (type === null || definition === undefined)
    throw new AppError('contract.unknown-event', `no schema for ${headers.ce_type ?? 'a record without ce_type'}`);
  let raw: unknown;
  try {
    raw = JSON.parse(record.value);
  } catch (cause) {
    throw new AppError('contract.invalid-event', `${type}: the data is not JSON`, { cause });
  }
  const parsed = definition.data.safeParse(raw);
  if (!parsed.success) {
    const where = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).slice(0, 8);
    throw new AppError('contract.invalid-event', `${type}.v${version}: ${where.join('; ')}`);
  }
  const required = (name: string): string => {
    const value = headers[name];
    if (value === undefined || value === '') throw new AppError('contract.invalid-event', `${type}: header ${name} is missing`);
    return value;
  };
  const upcasted = upcast(type, version, parsed.data);
  return {
    id: required('ce_id'),
    type,
    version: upcasted.version,
    source: required('ce_source'),
    occurredAt: required('ce_time'),
    tenantId: required('ce_tenantid'),
    key: required('ce_partitionkey'),
    callId: headers.ce_subject ?? null,
    chainId: headers.ce_chainid ?? null,
    subject: headers.ce_authid ?? null,
    actor: headers.ce_actorid ?? null,
    causationId: headers.ce_causationid ?? null,
    traceparent: required('ce_traceparent'),
    edgeId: headers[RECORD_HEADERS.edgeId] ?? null,
    data: upcasted.data,
  } as AnyEnvelope;
};
