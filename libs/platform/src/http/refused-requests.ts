import type { IncomingMessage } from 'node:http';

const refused = new WeakSet<IncomingMessage>();

/** Notes that it is decided by what a request is refused: whatever its body does after that, this is what it is told and what is put on record. */
export const noteRefusal = (request: IncomingMessage): void => {
  refused.add(request);
};

export const isRefused = (request: IncomingMessage): boolean => refused.has(request);
