import type { IncomingMessage } from 'node:http';
import { AppError, isAppError } from '@sallyport/contracts';

/** Time a client may take for its body, before it is given up: no body served here is large. */
const BODY_TIMEOUT_MS = 30_000;

/**
 * Reads a request's body up to `maxBytes`. Throws `request.body-too-large` by the declared length or at the first byte too many, before
 * anything is parsed, `request.timeout` when it takes longer than 30 s and `request.invalid` when it breaks off. The connection can still be
 * answered then; what is left of the body stays unread.
 */
export const readBody = (request: IncomingMessage, maxBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const tooLarge = (): AppError => new AppError('request.body-too-large', `more than ${maxBytes} bytes`);
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
    if (request.destroyed) throw brokeOff(request.errored);
    const chunks: Buffer[] = [];
    let size = 0;
    const leave = (): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      // Whoever answers now does not care how the rest breaks off.
      request.on('error', ignore);
    };
    const fail = (error: AppError): void => {
      leave();
      request.pause();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) fail(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      leave();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    };
    const onError = (cause: unknown): void => fail(brokeOff(cause));
    const onClose = (): void => fail(brokeOff(request.errored));
    const timer = setTimeout(() => fail(new AppError('request.timeout', 'the body takes too long')), BODY_TIMEOUT_MS);
    request.on('data', onData).once('end', onEnd).once('error', onError).once('close', onClose);
  });

const ignore = (): void => {};

/** Reads a body as JSON, as `readBody` does; `undefined` where there is none. Throws `request.parse-error` for what is no JSON. */
export const readJson = async (request: IncomingMessage, maxBytes: number): Promise<unknown> => {
  const bytes = await readBody(request, maxBytes);
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AppError('request.parse-error', 'the body is not JSON', { cause });
  }
};

const brokeOff = (cause: unknown): AppError =>
  isAppError(cause) ? cause : new AppError('request.invalid', 'the body broke off', { cause });
