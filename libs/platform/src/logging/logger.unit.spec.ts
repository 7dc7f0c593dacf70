import { AppError } from '@sallyport/contracts';
import { expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from './logger.js';

const SECRET = 'hunter2';

const aLogger = (options: LoggerOptions = {}) => {
  const lines: string[] = [];
  return { lines, logger: createLogger('edge-gateway', { env: {}, ...options, destination: { write: (line) => void lines.push(line) } }) };
};

test('a line is JSON with time, level, service, message and the ids of its call', () => {
  const { lines, logger } = aLogger();
  logger.child({ traceId: 't1', callId: 'c1' }).warn('upstream is slow');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    level: 'warn',
    service: 'edge-gateway',
    message: 'upstream is slow',
    traceId: 't1',
    callId: 'c1',
  });
});

test.each([
  ['a token', { token: SECRET }],
  ['headers', { headers: { authorization: `Bearer ${SECRET}`, cookie: SECRET, 'set-cookie': SECRET } }],
  ['headers of a request', { request: { headers: { authorization: SECRET } } }],
  ['parameters', { params: { password: SECRET } }],
  ['arguments of a call', { call: { arguments: { note: SECRET } } }],
  ['a result', { result: SECRET }],
])('%s never reaches the log', (_what, fields) => {
  const { lines, logger } = aLogger();
  logger.info(fields, 'seen');
  expect(lines.join()).toContain('seen');
  expect(lines.join()).not.toContain(SECRET);
});

const parseError = (): unknown => {
  try {
    return JSON.parse(`{"card": ${SECRET}`);
  } catch (error) {
    return error;
  }
};

test.each([
  ['of a parser', parseError()],
  ['of PostgreSQL', Object.assign(new Error(`invalid input syntax: "${SECRET}"`), { severity: 'ERROR', code: '22P02', detail: SECRET })],
])('the text of an error %s, which quotes data, is left out, also as a cause', (_what, cause) => {
  const { lines, logger } = aLogger();
  logger.error({ err: new AppError('internal.error', 'projection failed', { cause }) });
  expect(lines.join()).not.toContain(SECRET);
  expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
    type: 'AppError',
    code: 'internal.error',
    message: 'projection failed',
    cause: { stack: expect.any(Array) },
  });
});

test('the level comes from SALLYPORT_LOG_LEVEL; one that does not exist is info', () => {
  expect(aLogger({ env: { SALLYPORT_LOG_LEVEL: 'error' } }).logger.level).toBe('error');
  expect(aLogger({ env: { SALLYPORT_LOG_LEVEL: 'loud' } }).logger.level).toBe('info');
});

test('for people it is one short line, with the reason of an error and without its stack', () => {
  const { lines, logger } = aLogger({ pretty: true });
  logger.info({ port: 8080 }, 'listening');
  logger.error({ err: new AppError('store.unavailable', 'PostgreSQL does not answer') }, 'cannot project');
  expect(lines.map((line) => line.slice(9))).toEqual([
    'edge-gateway listening port=8080\n',
    'ERROR edge-gateway cannot project err=store.unavailable: PostgreSQL does not answer\n',
  ]);
});
