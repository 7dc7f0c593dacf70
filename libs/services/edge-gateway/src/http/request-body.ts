import type { IncomingMessage } from 'node:http';
import { AppError } from '@sallyport/contracts';

/** Time a client may take for its body, before its connection is given up: no body served here is large. */
const BODY_TIMEOUT_MS = 30_000;

/**
 * Reads a request's body up to `maxBytes`. Throws `request.body-too-large` by the declared length or at the first byte too many, before
 * anything is parsed, and `request.invalid` when the body breaks off or takes too long.
 */
export const readBody = async (request: IncomingMessage, maxBytes: number): Promise<Buffer> => {
  const tooLarge = (): AppError => new AppError('request.body-too-large', `more than ${maxBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => request.destroy(), BODY_TIMEOUT_MS);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : new AppError('request.invalid', 'the body broke off', { cause });
  } finally {
    clearTimeout(timer);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
};
