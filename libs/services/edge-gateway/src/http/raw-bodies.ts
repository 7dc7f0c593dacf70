import type { FastifyInstance } from 'fastify';
import { readBody } from './request-body.js';

/** Routes whose bodies are read by their handlers (after authentication, bounded, once) or by nobody. */
const OWN_ROUTES: readonly (string | undefined)[] = [
  '/mcp',
  '/mcp/:server',
  '/v1/invoke',
  '/v1/plan',
  '/v1/calls/:callId/resolution',
  '/console/session/logout',
  '/console/session/renew',
  '/console/sessions/:id',
  '*',
  '/*',
  undefined,
];
const OTHER_BODY_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Lets the bodies of the gateway's own addresses through unread, and parses JSON for every other address of the process. Call it once, on an
 * application made with `bodyParser: false`.
 */
export const leaveRawBodies = (fastify: FastifyInstance): void => {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request, _payload, done) => {
    if (OWN_ROUTES.includes(request.routeOptions.url)) {
      done(null, undefined);
      return;
    }
    readBody(request.raw, OTHER_BODY_BYTES_MAX).then((bytes) => {
      const text = bytes.toString('utf8');
      if (text === '') done(null, undefined);
      else parseJson(request, text, done);
    }, done);
  });
};
