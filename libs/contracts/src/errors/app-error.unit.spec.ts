import { describe, expect, test } from 'vitest';
import { AppError, isAppError, toErrorBody } from './app-error.js';

const error = new AppError('log.unavailable', 'broker kafka-1.internal:9092 refused', {
  cause: new Error('ECONNREFUSED'),
  detail: { retryAfterMs: 500 },
});

describe('an error', () => {
  test('tells a stranger its code, its summary and where to read on, and nothing of the inside', () => {
    const body = toErrorBody(error, 'call-1');
    expect(body).toEqual({
      code: 'log.unavailable',
      summary: 'The record cannot be written, so nothing is allowed to happen. Try again later.',
      detail: { retryAfterMs: 500 },
      callId: 'call-1',
      retryable: true,
      docs: 'https://sallyport.io/docs/errors/log.unavailable',
    });
    expect(JSON.stringify(body)).not.toMatch(/kafka|ECONNREFUSED/);
  });

  test('keeps its cause for the log', () => expect((error.cause as Error).message).toBe('ECONNREFUSED'));

  test('is told from others by its code', () => {
    expect(isAppError(error)).toBe(true);
    expect(isAppError(error, 'store.unavailable', 'log.unavailable')).toBe(true);
    expect(isAppError(error, 'policy.denied')).toBe(false);
    expect(isAppError(new Error('x'))).toBe(false);
    expect(isAppError(null)).toBe(false);
  });
});
