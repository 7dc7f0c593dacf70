import { type Cluster, type ClusterSize, kafkaAvailable, type OtlpReceiver, startCluster, startOtlpReceiver } from '@sallyport/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { decidedCalls } from './decided-calls.stories.js';
import { identity } from './identity.stories.js';
import { paths } from './paths.stories.js';
import { patience } from './patience.stories.js';
import { policyChange } from './policy-change.stories.js';
import { record } from './record.stories.js';
import { traces } from './trace.stories.js';
import { upstreamFaults } from './upstream-faults.stories.js';

const kafka = kafkaAvailable();
const SIZES: readonly { size: ClusterSize; runs: boolean; what: string }[] = [
  { size: 'embedded', runs: true, what: 'everything in one process on its own PostgreSQL' },
  { size: 'kafka-separate', runs: kafka.ok, what: kafka.ok ? 'a process per service on Kafka and PostgreSQL' : kafka.reason },
];

describe.each(SIZES)('$size: $what', ({ size, runs }) => {
  describe.runIf(runs)('one installation', () => {
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
});
