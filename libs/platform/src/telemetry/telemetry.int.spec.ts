import { AppError } from '@sallyport/contracts';
import { type OtlpReceiver, startOtlpReceiver } from '@sallyport/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ATTRIBUTES } from './attributes.js';
import { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.js';

let receiver: OtlpReceiver;
const started: Telemetry[] = [];
beforeEach(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((telemetry) => telemetry.shutdown()));
  await receiver.close();
});

const start = async (service: string, options: Partial<TelemetryOptions> = {}): Promise<Telemetry> => {
  const telemetry = await startTelemetry({ service, version: '1.2.3', env: receiver.env, ...options });
  started.push(telemetry);
  return telemetry;
};

test('services of one process make one trace under their own names', async () => {
  const edge = await start('edge-gateway', { sharesProcess: true });
  const policy = await start('policy-decision', { sharesProcess: true });
  const root = edge.startSpan('tools/call fs/read', { kind: 'server', attributes: { [ATTRIBUTES.mcpMethodName]: 'tools/call' } });
  const child = policy.startSpan('decide', { kind: 'consumer', parentTraceparent: root.traceparent });
  child.end();
  root.end();
  const spans = await receiver.waitForTrace(root.traceId, (found) => found.length === 2);
  expect(spans).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        service: 'sallyport-edge-gateway',
        kind: 2,
        parentSpanId: '',
        attributes: { 'mcp.method.name': 'tools/call' },
      }),
      expect.objectContaining({ service: 'sallyport-policy-decision', kind: 5, parentSpanId: root.spanId }),
    ]),
  );
});

test('a span continues the trace of the agent, and links what it has to do with', async () => {
  const edge = await start('edge-gateway');
  const agent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const other = edge.startSpan('other');
  edge.startSpan('batch', { parentTraceparent: agent, links: [other.traceparent, 'no traceparent'] }).end();
  const spans = await receiver.waitForTrace('4bf92f3577b34da6a3ce929d0e0e4736', (found) => found.length === 1);
  expect(spans).toMatchObject([{ parentSpanId: '00f067aa0ba902b7', linkedSpanIds: [other.spanId] }]);
});

test('a failed span says the code of its error and nothing of its text', async () => {
  const edge = await start('edge-gateway');
  const span = edge.startSpan('call');
  span.end({ error: new AppError('upstream.failed', 'the secret was hunter2') });
  const spans = await receiver.waitForTrace(span.traceId, (found) => found.length === 1);
  expect(spans).toMatchObject([{ statusCode: 2, attributes: { 'error.type': 'upstream.failed' } }]);
  expect(receiver.bodies.join()).not.toContain('hunter2');
});

test('durations go out with the buckets of the conventions, sums and gauges with their attributes', async () => {
  const edge = await start('edge-gateway');
  edge.meters.serverOperationDuration.record(0.2, { [ATTRIBUTES.mcpMethodName]: 'tools/call' });
  edge.meters.decisions.add(2, { [ATTRIBUTES.decision]: 'allow' });
  edge.meters.consumerLag.record(7, { [ATTRIBUTES.messagingConsumerGroup]: 'policy-decision' });
  await edge.flush();
  expect(receiver.metrics).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        name: 'mcp.server.operation.duration',
        value: 1,
        buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
      }),
      expect.objectContaining({ name: 'sallyport.decisions', value: 2, attributes: { 'sallyport.decision': 'allow' } }),
      expect.objectContaining({ name: 'sallyport.consumer.lag', value: 7 }),
    ]),
  );
});

test('the standard variables are obeyed: name, resource, headers, sampler, off', async () => {
  const named = await start('edge-gateway', {
    env: { ...receiver.env, OTEL_SERVICE_NAME: 'door', OTEL_TRACES_SAMPLER: 'parentbased_always_off' },
  });
  const unsampled = named.startSpan('not sampled');
  expect(unsampled.traceparent).toMatch(/-00$/);
  unsampled.end();
  const sampled = named.startSpan('sampled by its parent', {
    parentTraceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  });
  sampled.end();
  expect(await receiver.waitForTrace(sampled.traceId, (found) => found.length === 1)).toMatchObject([{ service: 'door' }]);
  expect(receiver.spans).toHaveLength(1);
  expect((await start('edge-gateway', { env: { ...receiver.env, OTEL_SDK_DISABLED: 'true' } })).isTracing).toBe(false);
});

test('a collector that is away costs neither an error nor the end of the process', async () => {
  const edge = await start('edge-gateway', { env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } });
  edge.startSpan('lost').end();
  await expect(edge.shutdown()).resolves.toBeUndefined();
});

test('without an endpoint spans carry ids that travel on, and nothing is collected', async () => {
  const quiet = await start('edge-gateway', { env: {} });
  const root = quiet.startSpan('root');
  const child = quiet.startSpan('child', { parentTraceparent: root.traceparent });
  expect(child.traceId).toBe(root.traceId);
  expect(child.isRecording).toBe(false);
});
