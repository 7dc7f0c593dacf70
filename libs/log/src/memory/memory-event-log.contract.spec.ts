import { test } from 'vitest';
import { CONTRACT_TOPICS, eventLogContract } from '../event-log.contract.js';
import { MemoryEventLog } from './memory-event-log.adapter.js';
import { MemoryPositions } from './memory-positions.js';

/** Every test opens "processes" of one log: here they are one object, new for each test because each has topics of its own. */
const positions = new MemoryPositions();
const log = new MemoryEventLog({ topics: CONTRACT_TOPICS });

eventLogContract(
  { test },
  () => ({
    open: async () => log,
    positions,
    resolvePoisonedChain: async (group, key) => positions.resolve(group, key),
  }),
  { processes: false, database: false },
);
