import { TOPICS } from '@sallyport/contracts';

/**
 * Topics that are put on record: all the audit projector may read, but for compacted ones, whose every change is an event elsewhere, and its
 * own: dead letters of the others included.
 */
export const RECORDED_TOPICS: readonly string[] = Object.entries(TOPICS)
  .filter(([, { to, cleanup }]) => to.some((reader) => reader === 'audit-projector') && cleanup === 'delete')
  .map(([topic]) => topic);
