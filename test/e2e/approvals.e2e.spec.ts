import { startCluster } from '@sallyport/testing';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { approvers } from './approvals/approvers.stories.js';
import { away } from './approvals/away.stories.js';
import { binding } from './approvals/binding.stories.js';
import { changes } from './approvals/changes.stories.js';
import { life } from './approvals/life.stories.js';
import { oracle } from './approvals/oracle.stories.js';
import { races } from './approvals/races.stories.js';
import { returning } from './approvals/returning.stories.js';
import { approvalsCluster, Surroundings } from './approvals/surroundings.js';
import { describeSizes } from './sizes.js';

// Generous: nothing here is a measure of time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 600_000 });

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
  describe('a grant', () => binding(() => surroundings));
  describe('what a client comes back with', () => returning(() => surroundings));
  describe('people who answer', () => approvers(() => surroundings));
  describe('one grant and many calls', () => races(() => surroundings));
  describe('what changes between the grant and the call', () => changes(() => surroundings));
  describe('a service that is away', () => away(() => surroundings));
  describe('in the end', () => oracle(() => surroundings));
});
