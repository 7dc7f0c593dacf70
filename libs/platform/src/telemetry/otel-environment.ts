import type { TelemetryOptions } from './telemetry.js';

/** Where one signal goes. */
export interface OtlpTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the standard variables say (OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter"). */
export interface OtelEnvironment {
  readonly serviceName: string;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly traces: OtlpTarget | undefined;
  readonly metrics: OtlpTarget | undefined;
  readonly sampler: string;
  readonly samplerArgument: number;
  readonly spanScheduleDelayMs: number;
  readonly spanQueueMax: number;
  readonly spanBatchMax: number;
  readonly metricIntervalMs: number;
  readonly attributeLengthMax: number;
}

type Env = TelemetryOptions['env'];

const given = (env: Env, name: string): string | undefined => {
  const value = env[name]?.trim();
  // An empty value is the same as none (specification, "Parsing empty value").
  return value === '' ? undefined : value;
};

const positive = (env: Env, name: string, otherwise: number): number => {
  const value = Number(given(env, name));
  return Number.isFinite(value) && value > 0 ? value : otherwise;
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** `key=value,key=value`, percent-encoded, as baggage is written. */
const pairs = (text: string | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (text ?? '')
      .split(',')
      .map((pair) => pair.split('='))
      .filter(([key = '', ...value]) => key.trim() !== '' && value.length > 0)
      .map(([key = '', ...value]) => [decoded(key.trim()), decoded(value.join('=').trim())]),
  );

const targetOf = (env: Env, signal: 'TRACES' | 'METRICS', path: string): OtlpTarget | undefined => {
  if (given(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  if (given(env, `OTEL_${signal}_EXPORTER`)?.toLowerCase() === 'none') return undefined;
  const own = given(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  const shared = given(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  const url = own ?? (shared === undefined ? undefined : `${shared.replace(/\/+$/, '')}/${path}`);
  if (url === undefined) return undefined;
  return {
    url,
    headers: { ...pairs(given(env, 'OTEL_EXPORTER_OTLP_HEADERS')), ...pairs(given(env, `OTEL_EXPORTER_OTLP_${signal}_HEADERS`)) },
  };
};

/** Reads the variables; a value that makes no sense is the default, as the specification asks. */
export const readOtelEnvironment = ({ env, service, sharesProcess }: TelemetryOptions): OtelEnvironment => {
  const resourceAttributes = pairs(given(env, 'OTEL_RESOURCE_ATTRIBUTES'));
  const name = given(env, 'OTEL_SERVICE_NAME') ?? resourceAttributes['service.name'];
  return {
    serviceName: name === undefined ? `sallyport-${service}` : sharesProcess === true ? `${name}-${service}` : name,
    resourceAttributes,
    traces: targetOf(env, 'TRACES', 'v1/traces'),
    metrics: targetOf(env, 'METRICS', 'v1/metrics'),
    sampler: given(env, 'OTEL_TRACES_SAMPLER')?.toLowerCase() ?? 'parentbased_always_on',
    samplerArgument: samplerArgument(given(env, 'OTEL_TRACES_SAMPLER_ARG')),
    spanScheduleDelayMs: positive(env, 'OTEL_BSP_SCHEDULE_DELAY', 5_000),
    spanQueueMax: positive(env, 'OTEL_BSP_MAX_QUEUE_SIZE', 2_048),
    spanBatchMax: positive(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
    metricIntervalMs: positive(env, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000),
    // The specification has no limit; names in spans come from strangers, so here there is one.
    attributeLengthMax: positive(env, 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', 1_024),
  };
};

const samplerArgument = (text: string | undefined): number => {
  const ratio = Number(text ?? '1');
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
};
