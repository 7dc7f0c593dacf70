import { openPostgresEventLog } from '@sallyport/log';
import { startTestPostgres } from '@sallyport/testing';
import { recoveryStories } from '../testing/recovery-stories.harness.js';

recoveryStories('recovery with the log in PostgreSQL', async () => {
  const postgres = await startTestPostgres();
  return { postgres, openLog: (url) => openPostgresEventLog({ url, applicationName: 'recovery-log' }), stop: () => postgres.stop() };
});
