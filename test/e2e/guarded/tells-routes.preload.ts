// Loaded into the built programs by `node --import`: tells every route that an HTTP server of theirs is given, as it is given.
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { routeLine } from './told-routes.ts';

const STANDARD_OUTPUT = 1;

subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { readonly fastify: FastifyInstance };
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const verb of [method].flat()) writeSync(STANDARD_OUTPUT, `${routeLine(verb, url)}\n`);
  });
});
