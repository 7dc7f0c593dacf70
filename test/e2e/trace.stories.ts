import type { Cluster, OtlpReceiver, ReceivedSpan } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Agent } from './agent.js';

const SERVICES = ['edge-gateway', 'policy-decision', 'audit-projector'] as const;

/** One call, one trace, across every service, the log and the upstream. */
export const traces = (cluster: () => Cluster, otlp: () => OtlpReceiver): void => {
  test('one call is one trace from the agent through every service to the upstream, and every parent is there', async () => {
    const before = cluster().upstream.callsOf('echo').length;
    const agent = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' }));
    const answer = await agent.call('echo', { text: 'follow me' });
    await agent.close();
    const of = (spans: readonly ReceivedSpan[], service: string): readonly ReceivedSpan[] =>
      spans.filter((span) => span.service.endsWith(service));
    const upstreamSaw = (await cluster().upstream.arrival('echo', before)).meta.traceparent;
    expect(upstreamSaw).toEqual(expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/));
    const [, traceId, upstreamParent] = String(upstreamSaw).split('-');
    expect(traceId).toBe(answer.traceId);

    const spans = await otlp().waitForTrace(answer.traceId, (found) => {
      const ids = new Set([answer.spanId, ...found.map((span) => span.spanId)]);
      return (
        SERVICES.every((service) => of(found, service).length > 0) &&
        found.every((span) => ids.has(span.parentSpanId)) &&
        found.some((span) => span.spanId === upstreamParent)
      );
    });
    // The gateway's span hangs on the agent's, and what the upstream was given is the gateway's span of that leg.
    expect(of(spans, 'edge-gateway').map((span) => span.parentSpanId)).toContain(answer.spanId);
    expect(of(spans, 'edge-gateway').map((span) => span.spanId)).toContain(upstreamParent);
    expect(spans.filter((span) => span.parentSpanId === answer.spanId)).toHaveLength(1);
    const { call } = await cluster().record.callOfTrace(answer.traceId);
    expect(call.traceId).toBe(answer.traceId);
  });

  test('a refused call is one trace as well, and its span says why', async () => {
    const agent = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'writer' }));
    const answer = await agent.call('erase');
    await agent.close();
    const spans = await otlp().waitForTrace(answer.traceId, (found) =>
      SERVICES.every((service) => found.some((span) => span.service.endsWith(service))),
    );
    expect(JSON.stringify(spans.map((span) => span.attributes))).toContain('policy.denied');
  });
};
