import { startCluster } from '@sallyport/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { life } from './approvals/life.stories.js';
import { approvalsCluster, Surroundings } from './approvals/surroundings.js';
import { describeSizes } from './sizes.js';

const SIZES = {
  embedded: 'everything in one process on its own PostgreSQL',
  'kafka-separate': 'a process per service and two edges, on Kafka and PostgreSQL',
} as const;

describeSizes(SIZES, (size) => {
  let surroundings: Surroundings;
  beforeAll(async () => {
    surroundings = new Surroundings(await startCluster(approvalsCluster(size)));
  });
  afterAll(async () => await surroundings?.cluster.close());

  describe('the life of a call that people are asked about', () => life(() => surroundings));
});
