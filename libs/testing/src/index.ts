export {
  anEvent,
  CALL_ID,
  policyDecided,
  requestFacts,
  TRACE_ID,
  toolCallCompleted,
  toolCallDispatched,
  toolCallRefused,
  toolCallRequested,
} from './call-events.js';
export { CONTENT_DETECTORS, type ContentSample, contentSample, contentSamples } from './content-generators.js';
export { type OtlpReceiver, type ReceivedMetric, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.js';
export { startTestPostgres, type TestDatabase, type TestPostgres } from './postgres/test-postgres.js';
export { aTestClock, type TestClock } from './test-clock.js';
export { type CountingUpstream, type SeenRequest, startCountingUpstream, type UpstreamMode } from './upstreams/counting-upstream.js';
export { FIXTURE_TOOLS } from './upstreams/upstream-tools.js';
