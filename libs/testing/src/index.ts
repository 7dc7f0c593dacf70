export { browserProgram, describeWithBrowser } from './browser/describe-with-browser.js';
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
export {
  CLUSTER_SERVICES,
  type Cluster,
  type ClusterOptions,
  type ClusterService,
  type ClusterSize,
  type FetchedAnswer,
  freePort,
  startCluster,
} from './cluster/cluster.js';
export {
  type ConfigurationPart,
  OFFICE_SCOPES,
  policyFilesOf,
  ROOT_FOLDER,
  STORY_SCOPES,
  STORY_SERVER,
  STORY_TENANT,
} from './cluster/cluster-folder.js';
export { dumpDatabase } from './cluster/database-dump.js';
export { nginxProgram } from './cluster/ingress.js';
export { type Leak, LeakSearch } from './cluster/leak-search.js';
export { type RecordedCall, RecordReader } from './cluster/record-reader.js';
export { ONE_PROCESS, ONE_SERVICE, ServiceProcess } from './cluster/service-process.js';
export { PERSON, PERSON_TEXT, STORY_TOOLS, type StoryToolName } from './cluster/story-tools.js';
export { type ReceivedCall, StoryUpstream } from './cluster/story-upstream.js';
export { TestIssuer, type TokenRequest } from './cluster/test-issuer.js';
export { dumpTopics } from './cluster/topic-dump.js';
export { until } from './cluster/until.js';
export { CONTENT_DETECTORS, type ContentSample, contentSample, contentSamples } from './content-generators.js';
export { describeWithKafka, type KafkaTestRunner } from './kafka/describe-with-kafka.js';
export { type KafkaBroker, type KafkaOptions, startKafka } from './kafka/kafka-broker.js';
export { type KafkaAvailability, kafkaAvailable } from './kafka/kafka-distribution.js';
export { type KafkaGround, startKafkaGround } from './kafka/kafka-ground.js';
export { type OtlpReceiver, type ReceivedMetric, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.js';
export { startTestPostgres, type TestDatabase, type TestPostgres } from './postgres/test-postgres.js';
export { aProofKey, nextOf, ScriptlessBrowser } from './scriptless-browser.js';
export { aTestClock, type TestClock } from './test-clock.js';
export { type NextLogin, TestIdentityProvider } from './test-identity-provider.js';
export { CONFORMANCE_TOOLS } from './upstreams/conformance-tools.js';
export { ConformanceUpstream } from './upstreams/conformance-upstream.js';
export { type CountingUpstream, type SeenRequest, startCountingUpstream, type UpstreamMode } from './upstreams/counting-upstream.js';
export { FIXTURE_TOOLS } from './upstreams/upstream-tools.js';
