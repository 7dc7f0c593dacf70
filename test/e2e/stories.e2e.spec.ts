import { type Cluster, type OtlpReceiver, startCluster, startOtlpReceiver } from '@sallyport/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { decidedCalls } from './decided-calls.stories.js';
import { identity } from './identity.stories.js';
import { paths } from './paths.stories.js';
import { patience } from './patience.stories.js';
import { policyChange } from './policy-change.stories.js';
import { record } from './record.stories.js';
import { describeSizes } from './sizes.js';
import { traces } from './trace.stories.js';
import { upstreamFaults } from './upstream-faults.stories.js';

const SIZES = {
  embedded: 'everything in one process on its own PostgreSQL',
  'kafka-separate': 'a process per service on Kafka and PostgreSQL',
} as const;

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  let otlp: OtlpReceiver;
  beforeAll(async () => {
    otlp = await startOtlpReceiver();
    cluster = await startCluster({ size, otlp });
  });
  afterAll(async () => {
    await cluster?.close();
    await otlp?.close();
  });

  describe('decided calls', () => decidedCalls(() => cluster));
  describe('identity', () => identity(() => cluster));
  describe('traces', () =>
    traces(
      () => cluster,
      () => otlp,
    ));
  describe('upstream faults', () => upstreamFaults(() => cluster));
  describe('patience', () => patience(() => cluster));
  describe('change of policy', () => policyChange(() => cluster));
  describe('ways in', () => paths(() => cluster));
  describe('the record', () => record(() => cluster));
});
