import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quietTelemetry } from './telemetry.js';
import { formatTraceparent, parseTraceparent } from './traceparent.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test.each([
  ['version 00', `00-${TRACE}-${SPAN}-01`, true],
  ['flags not known yet', `00-${TRACE}-${SPAN}-02`, false],
  ['a later version with more after it', `01-${TRACE}-${SPAN}-01-more`, true],
])('reads %s', (_what, text, sampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
});

test.each([
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['version 00 with more after it', `00-${TRACE}-${SPAN}-01-more`],
  ['a later version with more and no dash', `01-${TRACE}-${SPAN}-01more`],
  ['an all-zero trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['an all-zero span', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['space around it', ` 00-${TRACE}-${SPAN}-01 `],
  ['a line after it', `00-${TRACE}-${SPAN}-01\n`],
  ['two of them', `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
  ['one without end', `01-${TRACE}-${SPAN}-01-${'a'.repeat(10_000)}`],
  ['a number', 1],
  ['nothing', undefined],
])('refuses %s', (_what, text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test('whatever a stranger sends, a span has a well-formed traceparent, and the trace of the stranger only when theirs was one', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constant(`00-${TRACE}-${SPAN}-01`)), (parentTraceparent) => {
      const span = quietTelemetry().startSpan('x', { parentTraceparent });
      const own = parseTraceparent(span.traceparent);
      expect(own).toBeDefined();
      expect(own?.spanId).not.toBe(SPAN);
      expect(own?.traceId === TRACE).toBe(parseTraceparent(parentTraceparent) !== undefined);
      expect(span.traceparent).toBe(formatTraceparent(own ?? { traceId: '', spanId: '', sampled: false }));
    }),
  );
});
