import {
  type Cluster,
  CONTENT_DETECTORS,
  type ContentSample,
  contentSamples,
  dumpDatabase,
  dumpTopics,
  type Leak,
  LeakSearch,
  type OtlpReceiver,
  startCluster,
  startOtlpReceiver,
} from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from './agent.js';
import { describeSizes } from './sizes.js';

const PER_DETECTOR = { embedded: 10_000, 'kafka-separate': 250 } as const;
/** Arguments may hold 256 KiB; what JSON adds and masks lengthen must fit as well. */
const CALL_CHARS = 150_000;
const LEAKS_SHOWN = 10;

/** Samples in portions that fit one call each. */
const portions = function* (perDetector: number): Generator<readonly ContentSample[]> {
  let portion: ContentSample[] = [];
  let chars = 0;
  for (const [index, detector] of CONTENT_DETECTORS.entries()) {
    for (const sample of contentSamples(detector, perDetector, 1 + index * 100_000)) {
      if (chars + sample.text.length > CALL_CHARS) {
        yield portion;
        portion = [];
        chars = 0;
      }
      portion.push(sample);
      chars += Buffer.byteLength(JSON.stringify(sample.text)) + 1;
    }
  }
  if (portion.length > 0) yield portion;
};

const SIZES = {
  embedded: `${PER_DETECTOR.embedded} values a detector through the whole product`,
  'kafka-separate': `${PER_DETECTOR['kafka-separate']} values a detector through the whole product`,
} as const;

describeSizes(SIZES, (size) => {
  const perDetector = PER_DETECTOR[size];
  let cluster: Cluster;
  let otlp: OtlpReceiver;
  let agent: Agent;
  beforeAll(async () => {
    otlp = await startOtlpReceiver();
    cluster = await startCluster({
      size,
      otlp,
      configuration: { gateway: { decisionTimeoutMs: 20_000, callTtlMs: 30_000 }, audit: { checkpointSeconds: 5 } },
    });
    agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/story`, await cluster.token({ subject: 'ada', agent: 'triage' }));
  });
  afterAll(async () => {
    await agent?.close();
    await cluster?.close();
    await otlp?.close();
  });

  test('no value stands in any topic, table, log line, span, error or answer', async () => {
    const values: string[] = [];
    const answers: string[] = [];
    const traces: string[] = [];
    let calls = 0;
    const expectMasked = (what: string, raw: string, samples: readonly ContentSample[]): void => {
      // What the agent gets is searched at once: only its leaks are kept.
      const leaks = new LeakSearch(samples.map((sample) => sample.value)).in(raw, what, 1);
      if (leaks.length > 0) answers.push(JSON.stringify(leaks));
    };
    for (const samples of portions(perDetector)) {
      calls += 1;
      values.push(...samples.map((sample) => sample.value));
      const items = samples.map((sample) => sample.text);
      const echoed = await agent.call('echo', { items }, { timeoutMs: 60_000 });
      expect(echoed.code).toBeNull();
      expectMasked('the answer to what was sent', echoed.raw, samples);
      cluster.upstream.telling = items;
      const told = await agent.call('tell', {}, { timeoutMs: 60_000 });
      expect(told.code).toBeNull();
      expectMasked('the answer to a question', told.raw, samples);
      traces.push(told.traceId);
      if (calls % 10 === 1) for (const raw of await faultsWith(items.slice(0, 40))) expectMasked('an error', raw, samples);
      const received = cluster.upstream.calls.splice(0);
      const secrets = samples.filter((sample) => sample.label.startsWith('secret.'));
      const seen = received.map((call) => call.body + JSON.stringify(call.headers)).join('\n');
      expectMasked('the upstream', seen, secrets);
      // Policy lets personal data through to the tool: that it is found there shows that the search finds what is there.
      if (calls === 1) expect(new LeakSearch(values).in(seen, 'the upstream')).not.toEqual([]);
    }
    expect(answers).toEqual([]);
    const last = traces.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    await cluster.record.callOfTrace(last);

    const search = new LeakSearch(values);
    expect(search.size).toBeGreaterThanOrEqual(CONTENT_DETECTORS.length * perDetector * 0.95);
    const leaks: Leak[] = [];
    const look = (place: string, text: string): void => {
      if (leaks.length < LEAKS_SHOWN) leaks.push(...search.in(text, place, LEAKS_SHOWN - leaks.length));
    };
    const tables = await dumpDatabase(cluster.databaseUrl(), look);
    expect(tables.get('audit_projector.audit_event')).toBeGreaterThan(calls);
    if (cluster.kafka !== undefined) {
      const topics = await dumpTopics(cluster.kafka.brokers, look);
      expect(topics.get('tool-call.events.v1')).toBeGreaterThan(calls);
    }
    for (const line of cluster.output()) look('a log line', line);
    expect(otlp.spans.length).toBeGreaterThan(calls);
    for (const body of otlp.bodies) look('telemetry', body);
    expect(leaks).toEqual([]);
    console.info(`${size}: ${search.size} values in ${calls} calls each way`);
  }, 400_000);

  /** What comes back when requests that hold the texts are refused or fail, each in its own way. */
  const faultsWith = async (items: readonly string[]): Promise<readonly string[]> => {
    const text = items.join('\n');
    cluster.upstream.telling = items;
    const broken = await agent.call('breaks').then(
      (answer) => answer.raw,
      (error: unknown) => `${String(error)} ${JSON.stringify(error)}`,
    );
    const asAda = { subject: 'ada', agent: 'triage' };
    const misfit = await cluster.fetchAs(asAda, '/v1/invoke', {
      method: 'POST',
      body: { tool: 'story/echo', arguments: { text: { text } } },
    });
    const hidden = await cluster.fetchAs(asAda, '/v1/invoke', { method: 'POST', body: { tool: 'story/write', arguments: { text } } });
    const malformed = await cluster.fetchRaw('/v1/invoke', {
      method: 'POST',
      headers: { authorization: `Bearer ${await cluster.token(asAda)}`, 'content-type': 'application/json' },
      body: `{"tool": "story/echo", "arguments": {"text": ${JSON.stringify(text)}`,
    });
    expect([misfit.status, hidden.status, malformed.status]).toEqual([422, 404, 400]);
    return [broken, misfit.text, hidden.text, malformed.text];
  };
});
