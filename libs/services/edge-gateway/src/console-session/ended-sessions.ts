import { AppError } from '@sallyport/contracts';
import { admittedSessionOf, type Clock, type Database } from '@sallyport/platform';
import type { FastifyInstance } from 'fastify';
import { sessionLives } from './console-sessions.store.js';

/**
 * Refuses what comes in the name of a console session that was ended, for everything that this process serves: its token would be good for up to
 * 60 s more, as it is in processes that cannot see sessions.
 */
export const refuseEndedSessions = (
  fastify: FastifyInstance,
  { database, clock, idleSeconds }: { readonly database: Database; readonly clock: Clock; readonly idleSeconds: number },
): void => {
  fastify.addHook('onRequest', async (request) => {
    const sessionId = admittedSessionOf(request.raw.headers);
    if (sessionId === null || (await sessionLives(database, idleSeconds * 1_000, sessionId, clock.nowMs()))) return;
    throw new AppError('console.session-missing', 'the session of the token was ended');
  });
};
