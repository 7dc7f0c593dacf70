// Names that dashboards and alerts are built on, as literals: a red pin means "decide", and a line in CHANGELOG.md.
import { ATTRIBUTES, INSTRUMENTS } from '@sallyport/platform';
import { describe, expect, test } from 'vitest';

describe('what dashboards depend on stays as it is', () => {
  test('our own attribute names', () =>
    expect(Object.values(ATTRIBUTES).filter((name) => name.startsWith('sallyport.'))).toEqual([
      'sallyport.tenant.id',
      'sallyport.call.id',
      'sallyport.chain.id',
      'sallyport.subject',
      'sallyport.actor',
      'sallyport.attempt',
      'sallyport.evaluation',
      'sallyport.decision',
      'sallyport.policy.id',
      'sallyport.policy.version',
      'sallyport.approval.id',
      'sallyport.budget.account',
      'sallyport.tool.risk_tier',
      'sallyport.taint',
      'sallyport.upstream',
      'sallyport.breaker.state',
      'sallyport.stage',
      'sallyport.outcome',
      'sallyport.content.label',
      'sallyport.direction',
      'sallyport.event.type',
    ]));

  test('metrics: name, kind, unit', () =>
    expect(Object.values(INSTRUMENTS).map(({ name, kind, unit }) => [name, kind, unit])).toEqual([
      ['mcp.server.operation.duration', 'histogram', 's'],
      ['mcp.client.operation.duration', 'histogram', 's'],
      ['sallyport.decision.duration', 'histogram', 's'],
      ['sallyport.log.append.duration', 'histogram', 's'],
      ['sallyport.decisions', 'counter', '{decision}'],
      ['sallyport.refusals', 'counter', '{call}'],
      ['sallyport.rejections', 'counter', '{request}'],
      ['sallyport.redactions', 'counter', '{value}'],
      ['sallyport.events.poisoned', 'counter', '{event}'],
      ['sallyport.calls.in_flight', 'up-down-counter', '{call}'],
      ['sallyport.calls.in_doubt', 'counter', '{call}'],
      ['sallyport.consumer.lag', 'gauge', '{event}'],
      ['sallyport.breaker.open', 'gauge', '1'],
    ]));
});
