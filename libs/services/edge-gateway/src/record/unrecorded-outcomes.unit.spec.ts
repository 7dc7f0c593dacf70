import { AppError, type EncodedEvent, encodeEvent } from '@sallyport/contracts';
import { anEvent } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { UnrecordedOutcomes } from './unrecorded-outcomes.js';

const anEnd = (id: string): EncodedEvent =>
  encodeEvent(anEvent('ToolCallAbandoned', { stage: 'requested', reason: 'process-lost' }, { id }));

test('loses nothing where a drain begins while it tries, and the log takes the first and then no more', async () => {
  const first = Promise.withResolvers<void>();
  const asked: string[] = [];
  const unrecorded = new UnrecordedOutcomes({
    append: async (records) => {
      asked.push(...records.map(({ id }) => id));
      if (records[0]?.id === 'first') return first.promise;
      throw new AppError('log.unavailable', 'it went away again');
    },
  });
  for (const id of ['first', 'second', 'third']) unrecorded.hold([anEnd(id)]);
  const tries = [unrecorded.flush(), unrecorded.flush()];
  first.resolve();
  await Promise.all(tries);
  expect(unrecorded.size).toBe(2);
  expect(asked).toEqual(['first', 'second']);
  unrecorded.close();
});
