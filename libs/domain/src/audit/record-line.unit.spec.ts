import type { AnyEnvelope, CallRecord } from '@sallyport/contracts';
import {
  anEvent,
  CALL_ID,
  policyDecided,
  requestFacts,
  toolCallCompleted,
  toolCallDispatched,
  toolCallRefused,
  toolCallRequested,
} from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { formatCallDetail } from './call-detail.js';
import { initialCallState, toCallRecord } from './call-state.js';
import { evolveCall } from './evolve-call.js';
import { formatPrice, formatRecordLine } from './record-line.js';
import { visibleText } from './visible-text.js';

const record = (...events: readonly AnyEnvelope[]): CallRecord => {
  const made = toCallRecord(events.reduce(evolveCall, initialCallState(CALL_ID, 'acme')));
  if (made === null) throw new TypeError('no record');
  return made;
};

describe('the line of record', () => {
  test('says who, via whom, what, by which policy, with what verdict, how fast and in which trace', () => {
    expect(formatRecordLine(record(toolCallRequested(), policyDecided(), toolCallDispatched(), toolCallCompleted()))).toBe(
      'user:ada via agent:triage called fs/write_file policy:writers-low allow 7 ms trace 4bf9…',
    );
  });

  test('shows what the call costs: what was booked rather than what was held, and nothing of what was given back or refused', () => {
    const money = (amountMicros: number) => ({ amounts: [{ account: 'user:ada', amountMicros, calls: 1 }], currency: 'USD' });
    const held = anEvent('BudgetReserved', { ...money(1_500), priceListVersion: '1' });
    const call = [toolCallRequested(), policyDecided(), held, toolCallDispatched()];
    expect(formatRecordLine(record(...call, toolCallCompleted()))).toContain(' allow 7 ms $0.0015 trace ');
    const settled = anEvent('BudgetSettled', money(1_234));
    expect(formatRecordLine(record(...call, settled, toolCallCompleted()))).toContain(' 7 ms $0.001234 trace ');
    const released = anEvent('BudgetReleased', { ...money(1_500), reason: 'upstream.unreachable' });
    expect(record(...call, released).priceMicros).toBe(0);
    expect(record(...call, released, { ...held, id: 'held-anew' }).priceMicros).toBe(1_500);
    expect(record(toolCallRequested(), held, toolCallRefused()).priceMicros).toBeNull();
  });

  test.each([
    [0, 'USD', '$0.0000'],
    [1, 'USD', '$0.000001'],
    [12_345_600_000, 'USD', '$12,345.6000'],
    [500_000, 'EUR', '0.5000 EUR'],
  ])('writes %d micros of %s as %s', (micros, currency, text) => expect(formatPrice(micros, currency)).toBe(text));

  test('shows the code of a refusal', () => {
    expect(
      formatRecordLine(
        record(toolCallRequested(), policyDecided({ effect: 'deny', policyIds: [], code: 'policy.denied' }), toolCallRefused()),
      ),
    ).toBe('user:ada via agent:triage called fs/write_file policy:none deny policy.denied 3 ms trace 4bf9…');
    expect(
      formatRecordLine(record(toolCallRefused({ stage: 'edge', code: 'tool.unknown', request: requestFacts(), totalMicros: 400 }))),
    ).toBe('user:ada via agent:triage called fs/write_file policy:none refused tool.unknown 0.4 ms trace 4bf9…');
  });

  test('shows a failure beside the decision', () => {
    const failed = anEvent('ToolCallFailed', {
      code: 'upstream.timeout',
      reasons: [],
      reached: 'yes',
      upstreamMicros: 1,
      totalMicros: 30_001_000,
    });
    expect(formatRecordLine(record(toolCallRequested(), policyDecided(), toolCallDispatched(), failed))).toBe(
      'user:ada via agent:triage called fs/write_file policy:writers-low allow failed upstream.timeout 30,001 ms trace 4bf9…',
    );
  });

  test('names the person first and the agent that called last', () => {
    const { principal } = requestFacts();
    const line = formatRecordLine(
      record(
        toolCallRequested({
          principal: { ...principal, actors: ['agent:inner', 'agent:outer'] },
          method: 'tools/list',
          tool: null,
          target: { kind: 'gateway', server: null, name: null },
        }),
      ),
    );
    expect(line).toBe('user:ada via agent:outer via agent:inner called tools/list policy:none pending trace 4bf9…');
  });

  test('lets no name end the line, hide a part of it or add a field', () => {
    const name = 'x\npolicy:admin allow\u202e\u200b\u0007\u00a0';
    const line = formatRecordLine(record(toolCallRequested({ tool: null, target: { kind: 'tool', server: 'fs', name } })));
    expect(line).toContain('called "fs/x\\u{a}policy:admin allow\\u{202e}\\u{200b}\\u{7}\\u{a0}" policy:none pending');
  });

  test('never makes two texts look alike', () => {
    expect(visibleText('\\u{7}')).toBe('\\\\u{7}');
    expect(visibleText('\ud800')).toBe('\\u{d800}');
    expect(visibleText('é日本')).toBe('é日本');
  });
});

describe('the detail of a call', () => {
  test('is its line, its facts and its events with the time since the first', () => {
    const events = [toolCallRequested(), policyDecided(), toolCallDispatched(), toolCallCompleted()];
    const stored = events.map((each, index) => ({
      topic: each.type === 'PolicyDecided' ? 'policy.events.v1' : 'tool-call.events.v1',
      partition: 3,
      position: String(10 + index),
      entry: String(1 + index),
      hash: 'f'.repeat(64),
      id: each.id,
      type: each.type,
      occurredAt: each.occurredAt,
      source: each.source,
      data: JSON.parse(JSON.stringify(each.data)),
    }));
    const text = formatCallDetail(record(...events), stored);
    expect(text).toContain('user:ada via agent:triage called fs/write_file');
    expect(text).toContain('masked back pii.email ×2 at /content/0/text');
    expect(text).toContain('  +0 ms  ToolCallRequested');
    expect(text).toContain('  +3 ms  PolicyDecided       policy.events.v1/3@11  effect allow, policyIds writers-low, evaluation 1');
    expect(text).toContain('  +7 ms  ToolCallCompleted   tool-call.events.v1/3@13  outcome ok');
  });
});
