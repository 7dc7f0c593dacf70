import { pooledRandomBytes } from '../clock/random-pool.js';
import type { Attributes } from './attributes.js';
import { type Meters, noMeters } from './instruments.js';
import { formatTraceparent, parseTraceparent, type TraceContext } from './traceparent.js';

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export interface SpanOptions {
  /** Default `internal`. */
  readonly kind?: SpanKind;
  /** The `traceparent` of the parent, from a stranger or an event; one that is not well formed starts a new trace. */
  readonly parentTraceparent?: string | null;
  /** Other spans this one has to do with, e.g. the rest of a batch. Ones that are not well formed are left out. */
  readonly links?: readonly string[];
  readonly attributes?: Attributes;
  /** When it began, milliseconds since 1970; default now. */
  readonly startedAtMs?: number;
}

export interface SpanEnd {
  /** Marks the span as failed. Recorded is its code (of an `AppError`) or class, never its text, which may hold somebody's data. */
  readonly error?: unknown;
  /** When it ended, milliseconds since 1970; default now. */
  readonly endedAtMs?: number;
}

/** A piece of work in a trace. Exists, with ids that travel on, whether or not anybody collects spans. */
export interface Span {
  /** What to hand to the next one: header, `_meta` or event. */
  readonly traceparent: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Whether attributes are kept; saves making them when nobody does. */
  readonly isRecording: boolean;
  setAttributes(attributes: Attributes): void;
  setAttribute<Name extends keyof Attributes>(name: Name, value: NonNullable<Attributes[Name]>): void;
  /** Ends it; a second call does nothing. */
  end(end?: SpanEnd): void;
}

/** Traces and measurements of one service. */
export interface Telemetry {
  readonly service: string;
  /** Whether spans are collected. */
  readonly isTracing: boolean;
  startSpan(name: string, options?: SpanOptions): Span;
  readonly meters: Meters;
  /** Sends what was collected so far; resolves as well when the collector does not answer. */
  flush(): Promise<void>;
  /** Flushes and stops. */
  shutdown(): Promise<void>;
}

export interface TelemetryOptions {
  /** E.g. `edge-gateway`; `service.name` is then `sallyport-edge-gateway` unless OTEL_SERVICE_NAME says otherwise. */
  readonly service: string;
  readonly version: string;
  /** Where the standard OTEL_ variables are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether other services run in this process: OTEL_SERVICE_NAME is then put before the service's name instead of in its place. */
  readonly sharesProcess?: boolean;
  /** Told when an export fails. Nothing else is affected. */
  readonly onExportError?: (error: unknown) => void;
}

/**
 * Starts tracing and measuring for one service. Without an OTLP endpoint in the environment (or with OTEL_SDK_DISABLED=true) no OpenTelemetry
 * code is loaded: spans only carry ids, meters do nothing. Spans are made by hand where the product knows what they mean; nothing is patched.
 */
export const startTelemetry = async (options: TelemetryOptions): Promise<Telemetry> => {
  const { readOtelEnvironment } = await import('./otel-environment.js');
  const environment = readOtelEnvironment(options);
  if (environment.traces === undefined && environment.metrics === undefined) return quietTelemetry(options.service);
  const { startOtel } = await import('./otel.js');
  return startOtel(options, environment);
};

/** Telemetry that nobody collects; trace ids are made and travel on all the same. Also for tests. */
export const quietTelemetry = (service = 'sallyport'): Telemetry => ({
  service,
  isTracing: false,
  startSpan: (_name, options) => quietSpan(options),
  meters: noMeters,
  flush: async () => {},
  shutdown: async () => {},
});

/** A span of ids alone: a child's trace and sampling are its parent's; a trace that starts here says that nobody samples it. */
export const quietSpan = ({ parentTraceparent }: SpanOptions = {}): Span => new QuietSpan(parentTraceparent);

/** Most spans hand nothing on, and where nobody collects them their ids are asked for by nobody: those are never made. */
class QuietSpan implements Span {
  readonly isRecording = false;
  private made: TraceContext | undefined;
  private written: string | undefined;

  constructor(private readonly parentTraceparent: string | null | undefined) {}

  private get context(): TraceContext {
    if (this.made === undefined) {
      const parent = parseTraceparent(this.parentTraceparent);
      this.made = { traceId: parent?.traceId ?? randomId(16), spanId: randomId(8), sampled: parent?.sampled ?? false };
    }
    return this.made;
  }

  get traceparent(): string {
    this.written ??= formatTraceparent(this.context);
    return this.written;
  }
  get traceId(): string {
    return this.context.traceId;
  }
  get spanId(): string {
    return this.context.spanId;
  }
  setAttributes(): void {}
  setAttribute(): void {}
  end(): void {}
}

const randomId = (bytes: number): string => {
  const id = pooledRandomBytes(bytes).toString('hex');
  // All zeros means "no id" (W3C Trace Context, section 3.2.2.3); once in 2^64.
  return /[1-9a-f]/.test(id) ? id : randomId(bytes);
};
