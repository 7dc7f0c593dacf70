import type { FastifyInstance } from 'fastify';

/** Routes whose bodies are read by their handlers (after authentication, bounded, once) or by nobody. */
const OWN_ROUTES: readonly (string | undefined)[] = ['/mcp', '/mcp/:server', '/v1/invoke', '*', '/*', undefined];
const OTHER_BODY_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Lets the bodies of the gateway's own addresses through unread, and parses JSON for every other address of the process. Call it once, on an
 * application made with `bodyParser: false`.
 */
export const leaveRawBodies = (fastify: FastifyInstance): void => {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request, payload, done) => {
    if (OWN_ROUTES.includes(request.routeOptions.url)) {
      done(null, undefined);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    payload.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > OTHER_BODY_BYTES_MAX) payload.destroy(Object.assign(new Error('the body is too large'), { statusCode: 413 }));
      else chunks.push(chunk);
    });
    payload.on('error', (error: Error) => done(error));
    payload.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      if (text === '') done(null, undefined);
      else parseJson(request, text, done);
    });
  });
};
