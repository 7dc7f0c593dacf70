import { createServer, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

/** A span as the collector got it. */
export interface ReceivedSpan {
  /** `service.name` of its resource. */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  /** OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** OTLP: 2 is an error. */
  readonly statusCode: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly linkedSpanIds: readonly string[];
}

/** A measurement as the collector got it, one per set of attributes. */
export interface ReceivedMetric {
  readonly service: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Last value, sum, or number of recorded values of a histogram. */
  readonly value: number;
  readonly buckets: readonly number[];
}

export interface OtlpReceiver {
  readonly url: string;
  /** Variables that send a process's telemetry here, quickly. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly ReceivedSpan[];
  readonly metrics: readonly ReceivedMetric[];
  /** Every body as it came, for looking for what must not be in it. */
  readonly bodies: readonly string[];
  /** The spans of one trace once they satisfy the condition; rejects with what came by then when they do not in time. */
  waitForTrace(
    traceId: string,
    isComplete: (spans: readonly ReceivedSpan[]) => boolean,
    timeoutMs?: number,
  ): Promise<readonly ReceivedSpan[]>;
  close(): Promise<void>;
}

const AnyValue: z.ZodType<unknown> = z.lazy(() =>
  z
    .object({
      stringValue: z.string().optional(),
      boolValue: z.boolean().optional(),
      intValue: z.union([z.number(), z.string()]).optional(),
      doubleValue: z.number().optional(),
      arrayValue: z.object({ values: z.array(AnyValue).optional() }).optional(),
    })
    .transform(({ stringValue, boolValue, intValue, doubleValue, arrayValue }) => {
      if (intValue !== undefined) return Number(intValue);
      return stringValue ?? boolValue ?? doubleValue ?? arrayValue?.values ?? null;
    }),
);
const KeyValues = z
  .array(z.object({ key: z.string(), value: AnyValue }))
  .default([])
  .transform((pairs): Record<string, unknown> => Object.fromEntries(pairs.map(({ key, value }) => [key, value])));
const Resource = z.object({ attributes: KeyValues }).default({ attributes: {} });

const Traces = z.object({
  resourceSpans: z.array(
    z.object({
      resource: Resource,
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              name: z.string(),
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().default(''),
              kind: z.number().default(0),
              attributes: KeyValues,
              links: z.array(z.object({ spanId: z.string() })).default([]),
              status: z.object({ code: z.number().default(0) }).default({ code: 0 }),
            }),
          ),
        }),
      ),
    }),
  ),
});

const Count = z.union([z.number(), z.string()]).transform(Number);
const Points = z
  .object({
    dataPoints: z.array(
      z.object({
        attributes: KeyValues,
        asInt: Count.optional(),
        asDouble: z.number().optional(),
        count: Count.optional(),
        explicitBounds: z.array(z.number()).default([]),
      }),
    ),
  })
  .optional();
const Metrics = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: Resource,
      scopeMetrics: z.array(z.object({ metrics: z.array(z.object({ name: z.string(), sum: Points, gauge: Points, histogram: Points })) })),
    }),
  ),
});

const serviceOf = (resource: z.infer<typeof Resource>): string => String(resource.attributes['service.name'] ?? '');

const spansOf = (body: unknown): readonly ReceivedSpan[] =>
  Traces.parse(body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ links, status, ...span }) => ({
        ...span,
        service: serviceOf(resource),
        statusCode: status.code,
        linkedSpanIds: links.map(({ spanId }) => spanId),
      })),
    ),
  );

const metricsOf = (body: unknown): readonly ReceivedMetric[] =>
  Metrics.parse(body).resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ name, sum, gauge, histogram }) =>
        [sum, gauge, histogram].flatMap((points) =>
          (points?.dataPoints ?? []).map((point) => ({
            service: serviceOf(resource),
            name,
            attributes: point.attributes,
            value: point.asInt ?? point.asDouble ?? point.count ?? 0,
            buckets: point.explicitBounds,
          })),
        ),
      ),
    ),
  );

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
};

/** A collector that takes OTLP over HTTP as JSON, on a free port of 127.0.0.1, and keeps everything. */
export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const spans: ReceivedSpan[] = [];
  const metrics: ReceivedMetric[] = [];
  const bodies: string[] = [];
  const listeners = new Set<() => void>();
  const server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      const text = await bodyOf(request);
      bodies.push(text);
      if (request.url === '/v1/traces') spans.push(...spansOf(JSON.parse(text)));
      if (request.url === '/v1/metrics') metrics.push(...metricsOf(JSON.parse(text)));
    };
    take().then(
      () => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        for (const listener of [...listeners]) listener();
      },
      (error: unknown) => response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_METRIC_EXPORT_INTERVAL: '200' },
    spans,
    metrics,
    bodies,
    waitForTrace: (traceId, isComplete, timeoutMs = 20_000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = spans.filter((span) => span.traceId === traceId);
          if (!isComplete(found)) return;
          settle();
          resolve(found);
        };
        const timer = setTimeout(() => {
          settle();
          const found = spans.filter((span) => span.traceId === traceId).map(({ service, name }) => `${service}: ${name}`);
          reject(new Error(`trace ${traceId} is not complete after ${timeoutMs} ms:\n${found.join('\n')}`));
        }, timeoutMs);
        const settle = (): void => {
          clearTimeout(timer);
          listeners.delete(check);
        };
        listeners.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
