import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { consoleFolder } from './built-console.js';

const YEAR_MS = 365 * 24 * 3_600_000;

/** Lets replies send the files of the console, compressed ahead where the browser takes that. Adds no route. */
export const sendConsoleFiles = (fastify: FastifyInstance): void => {
  const folder = consoleFolder();
  if (folder === null) return;
  fastify.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    immutable: true,
    maxAge: YEAR_MS,
    dotfiles: 'deny',
    index: false,
  });
};
