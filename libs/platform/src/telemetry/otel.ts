import {
  type Context,
  type Link,
  SpanKind as OtelKind,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { Sampler } from '@opentelemetry/sdk-trace';
import { isAppError } from '@sallyport/contracts';
import { ATTRIBUTES, type Attributes, SCHEMA_URL } from './attributes.js';
import { INSTRUMENTS, type InstrumentDefinition, type Meters, noMeters } from './instruments.js';
import type { OtelEnvironment, OtlpTarget } from './otel-environment.js';
import { quietSpan, type Span, type SpanEnd, type SpanKind, type SpanOptions, type Telemetry, type TelemetryOptions } from './telemetry.js';
import { formatTraceparent, parseTraceparent } from './traceparent.js';

/** A collector that is away must not hold up the end of a process. */
const SHUTDOWN_TIMEOUT_MS = 3_000;

interface Provider {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Telemetry that exports. Each service has its own providers, so that services of one process keep their names apart. */
export const startOtel = async (options: TelemetryOptions, environment: OtelEnvironment): Promise<Telemetry> => {
  const { onExportError } = options;
  // The one hook there is, for the whole process: several services that report the same way may each set it.
  if (onExportError !== undefined) setGlobalErrorHandler(onExportError);
  const resource = resourceFromAttributes({
    ...environment.resourceAttributes,
    'service.name': environment.serviceName,
    'service.namespace': environment.resourceAttributes['service.namespace'] ?? 'sallyport',
    'service.version': options.version,
  });
  const providers: Provider[] = [];
  let tracer: Tracer | undefined;
  if (environment.traces !== undefined) {
    const provider = await tracerProvider(environment.traces, environment, resource);
    providers.push(provider);
    tracer = provider.getTracer('sallyport', options.version, { schemaUrl: SCHEMA_URL });
  }
  let meters: Meters = noMeters;
  if (environment.metrics !== undefined) {
    const metrics = await meterProvider(environment.metrics, environment, resource, options.version);
    providers.push(metrics.provider);
    meters = metrics.meters;
  }
  const all = async (act: (provider: Provider) => Promise<void>): Promise<void> => {
    const timeout = AbortSignal.timeout(SHUTDOWN_TIMEOUT_MS);
    const tooLate = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([Promise.allSettled(providers.map(act)), tooLate]);
  };
  let stopping: Promise<void> | undefined;
  return {
    service: options.service,
    isTracing: tracer !== undefined,
    startSpan: (name, spanOptions) => (tracer === undefined ? quietSpan(spanOptions) : startSpan(tracer, name, spanOptions)),
    meters,
    flush: () => all((provider) => provider.forceFlush()),
    shutdown: () => {
      stopping ??= all((provider) => provider.shutdown());
      return stopping;
    },
  };
};

const tracerProvider = async (target: OtlpTarget, environment: OtelEnvironment, resource: Resource) => {
  const [sdk, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const { AlwaysOffSampler, AlwaysOnSampler, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } = sdk;
  const samplers: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(environment.samplerArgument),
    parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    parentbased_traceidratio: () => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(environment.samplerArgument) }),
  };
  return new TracerProvider({
    resource,
    sampler: (samplers[environment.sampler] ?? (() => new ParentBasedSampler({ root: new AlwaysOnSampler() })))(),
    spanLimits: { attributeValueLengthLimit: environment.attributeLengthMax, linkCountLimit: 128 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: target.url, headers: { ...target.headers } }),
        scheduledDelayMillis: environment.spanScheduleDelayMs,
        maxQueueSize: environment.spanQueueMax,
        maxExportBatchSize: Math.min(environment.spanBatchMax, environment.spanQueueMax),
      }),
    ],
  });
};

const meterProvider = async (target: OtlpTarget, environment: OtelEnvironment, resource: Resource, version: string) => {
  const [{ MeterProvider, PeriodicExportingMetricReader }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
  ]);
  const provider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: target.url, headers: { ...target.headers } }),
        exportIntervalMillis: environment.metricIntervalMs,
        exportTimeoutMillis: Math.min(environment.metricIntervalMs, 10_000),
      }),
    ],
  });
  const meter = provider.getMeter('sallyport', version, { schemaUrl: SCHEMA_URL });
  const recording = (definition: InstrumentDefinition) => {
    const { name, unit, description } = definition;
    const instrument =
      definition.kind === 'histogram'
        ? meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...definition.buckets] } })
        : meter.createGauge(name, { unit, description });
    return { record: (value: number, attributes?: Attributes) => instrument.record(value, toOtel(attributes)) };
  };
  const adding = ({ kind, name, unit, description }: InstrumentDefinition) => {
    const instrument =
      kind === 'counter' ? meter.createCounter(name, { unit, description }) : meter.createUpDownCounter(name, { unit, description });
    return { add: (value: number, attributes?: Attributes) => instrument.add(value, toOtel(attributes)) };
  };
  const meters: Meters = {
    serverOperationDuration: recording(INSTRUMENTS.serverOperationDuration),
    clientOperationDuration: recording(INSTRUMENTS.clientOperationDuration),
    decisionDuration: recording(INSTRUMENTS.decisionDuration),
    logAppendDuration: recording(INSTRUMENTS.logAppendDuration),
    decisions: adding(INSTRUMENTS.decisions),
    refusals: adding(INSTRUMENTS.refusals),
    rejections: adding(INSTRUMENTS.rejections),
    redactions: adding(INSTRUMENTS.redactions),
    poisoned: adding(INSTRUMENTS.poisoned),
    callsInFlight: adding(INSTRUMENTS.callsInFlight),
    callsInDoubt: adding(INSTRUMENTS.callsInDoubt),
    consumerLag: recording(INSTRUMENTS.consumerLag),
    breakerState: recording(INSTRUMENTS.breakerState),
  };
  return { provider, meters };
};

const KINDS: Readonly<Record<SpanKind, OtelKind>> = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
};

/** The type of the API has mutable arrays. */
const toOtel = (attributes: Attributes = {}): Record<string, string | number | boolean | string[]> => {
  const copy: Record<string, string | number | boolean | string[]> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) copy[name] = typeof value === 'object' ? [...value] : value;
  }
  return copy;
};

const spanContextOf = (traceparent: string | null | undefined): SpanContext | undefined => {
  const context = parseTraceparent(traceparent);
  if (context === undefined) return undefined;
  const { traceId, spanId, sampled } = context;
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
};

const startSpan = (
  tracer: Tracer,
  name: string,
  { kind = 'internal', parentTraceparent, links = [], attributes, startedAtMs }: SpanOptions = {},
): Span => {
  const parent = spanContextOf(parentTraceparent);
  const context: Context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  const linked = links.map(spanContextOf).filter((link) => link !== undefined);
  return new RecordedSpan(
    tracer.startSpan(
      name,
      { kind: KINDS[kind], attributes: toOtel(attributes), links: linked.map((link): Link => ({ context: link })), startTime: startedAtMs },
      context,
    ),
  );
};

class RecordedSpan implements Span {
  readonly traceparent: string;
  readonly traceId: string;
  readonly spanId: string;
  private ended = false;

  constructor(private readonly span: OtelSpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.traceparent = formatTraceparent({ traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 });
  }

  get isRecording(): boolean {
    return this.span.isRecording();
  }

  setAttributes(attributes: Attributes): void {
    this.span.setAttributes(toOtel(attributes));
  }

  setAttribute<Name extends keyof Attributes>(name: Name, value: NonNullable<Attributes[Name]>): void {
    this.span.setAttribute(name, typeof value === 'object' ? [...value] : value);
  }

  end({ error, endedAtMs }: SpanEnd = {}): void {
    if (this.ended) return;
    this.ended = true;
    if (error !== undefined && error !== null) {
      this.span.setAttribute(ATTRIBUTES.errorType, errorTypeOf(error));
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end(endedAtMs);
  }
}

const errorTypeOf = (error: unknown): string => {
  if (isAppError(error)) return error.code;
  if (typeof error === 'string') return error;
  return error instanceof Error ? error.name : '_OTHER';
};
