import { AppError } from '@sallyport/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json/json-types.js';
import { rewriteAnswer } from './rewrite-answer.js';
import type { RewriteOptions } from './rewrite-options.js';

const limits = { maxMessageBytes: 100_000, maxMessages: 100, maxTotalBytes: 1_000_000, idleMs: 2_000, maxDepth: 32, maxMembers: 10_000 };

async function* cut(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const at of [...cuts].sort((a, b) => a - b)) {
    if (at > from && at < bytes.length) {
      yield bytes.subarray(from, at);
      from = at;
    }
  }
  yield bytes.subarray(from);
}

const mask = (message: JsonObject): JsonObject => JSON.parse(JSON.stringify(message).replaceAll('secret', '******'));

const rewrite = async (text: string | Uint8Array, over: Partial<RewriteOptions> = {}, cuts: readonly number[] = []): Promise<string> => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const answer = rewriteAnswer({
    status: 200,
    contentType: 'text/event-stream',
    body: cut(bytes, cuts),
    limits,
    requestId: 1,
    onInterim: async (message) => mask(message),
    onFinal: async (message) => mask(message),
    keepAliveMs: 1_000,
    ...over,
  });
  let out = '';
  for await (const chunk of answer.body) out += Buffer.from(chunk).toString('utf8');
  return out;
};

const event = (message: object, head = 'event: message\n'): string => `${head}data: ${JSON.stringify(message)}\n\n`;
const progress = (text: string) => ({ jsonrpc: '2.0', method: 'notifications/message', params: { data: text } });
const response = (text: string, id: unknown = 1) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });

describe('an answer that streams', () => {
  test('keeps ids, retry, empty events and order, and loses what is masked', async () => {
    const upstream = `id: 1\nretry: 500\ndata:\n\n: ping secret\n\n${event(progress('secret one'), 'id: 2\nevent: message\n')}${event(response('secret two'))}`;
    expect(await rewrite(upstream)).toBe(
      `id: 1\nretry: 500\ndata:\n\n:\n\n${event(progress('****** one'), 'id: 2\nevent: message\n')}${event(response('****** two'))}`,
    );
  });

  test('passes the text of an unchanged message as the upstream wrote it', async () => {
    const raw = 'event: message\ndata: {"jsonrpc":"2.0", "id":1,\ndata:  "result":{"n":12345678901234567890, "e":1.50}}\n\n';
    expect(await rewrite(raw, { onFinal: async (message) => message })).toBe(raw);
  });

  test('drops a message that must not pass and keeps its event id', async () => {
    const upstream = event(progress('x'), 'id: 7\n') + event(response('y'));
    expect(await rewrite(upstream, { onInterim: async () => null })).toBe(`id: 7\n\n${event(response('y'))}`);
  });

  test('ends with the response, whatever the upstream says afterwards', async () => {
    expect(await rewrite(event(response('a')) + event(progress('late')) + event(response('b')))).toBe(event(response('a')));
  });

  test('releases the response only when it is on record', async () => {
    const order: string[] = [];
    let record: () => void = () => undefined;
    const recorded = new Promise<void>((resolve) => {
      record = resolve;
    });
    const answer = rewriteAnswer({
      status: 200,
      contentType: 'text/event-stream; charset=utf-8',
      body: cut(Buffer.from(event(response('a'))), []),
      limits,
      requestId: 1,
      onInterim: async (message) => message,
      onFinal: async (message) => {
        await recorded;
        order.push('recorded');
        return message;
      },
      keepAliveMs: 20,
    });
    const chunks = answer.body[Symbol.asyncIterator]();
    expect(Buffer.from((await chunks.next()).value ?? '').toString()).toBe(':\n\n');
    record();
    let next = await chunks.next();
    while (Buffer.from(next.value ?? '').toString() === ':\n\n') next = await chunks.next();
    order.push('released');
    expect(order).toEqual(['recorded', 'released']);
    expect(Buffer.from(next.value ?? '').toString()).toBe(event(response('a')));
    expect((await chunks.next()).done).toBe(true);
  });

  test('that ends without its response has failed, unless it said how to resume', async () => {
    await expect(rewrite(event(progress('x'), 'id: 3\n'))).rejects.toMatchObject({ code: 'upstream.failed' });
    await expect(rewrite(event(response('a')).slice(0, -5))).rejects.toMatchObject({ code: 'upstream.failed' });
    let resumeAt = '';
    const detached = {
      onDetached: async (id: string) => {
        resumeAt = id;
      },
    };
    expect(await rewrite(event(progress('x'), 'id: 3\n'), detached)).toBe(event(progress('x'), 'id: 3\n'));
    expect(resumeAt).toBe('3');
  });

  test('on a GET stream needs no response and passes those that are replayed', async () => {
    const upstream = event(progress('secret')) + event(response('secret', 44)) + event(progress('x'));
    expect(await rewrite(upstream, { requestId: null })).toBe(
      event(progress('******')) + event(response('******', 44)) + event(progress('x')),
    );
  });

  test.each([
    ['an answer to another request', event(response('a', 2)), 'upstream.answer-invalid'],
    ['an id of another type', event(response('a', '1')), 'upstream.answer-invalid'],
    ['something that is no JSON', 'data: hello\n\n', 'upstream.answer-invalid'],
    ['a batch', 'data: [1]\n\n', 'upstream.answer-invalid'],
    ['a name that occurs twice', 'data: {"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}\n\n', 'upstream.answer-invalid'],
    ['both result and error', 'data: {"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}\n\n', 'upstream.answer-invalid'],
    ['too deep a value', `data: {"jsonrpc":"2.0","id":1,"result":${'['.repeat(40)}${']'.repeat(40)}}\n\n`, 'upstream.answer-too-large'],
    ['too large an event', event(response('x'.repeat(100_000))), 'upstream.answer-too-large'],
    ['an event without an end', `data: ${'x'.repeat(100_001)}`, 'upstream.answer-too-large'],
    ['too many messages', event(progress('x')).repeat(101), 'upstream.answer-too-large'],
  ])('with %s is withheld', async (_title, upstream, code) => {
    await expect(rewrite(upstream)).rejects.toMatchObject({ code, detail: { reached: 'yes' } });
  });

  test('that falls silent times out', async () => {
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(event(progress('x')));
      await new Promise(() => undefined);
    }
    await expect(rewrite('', { body: silent(), limits: { ...limits, idleMs: 30 } })).rejects.toMatchObject({ code: 'upstream.timeout' });
  });

  test('that cannot be recorded is withheld with the reason', async () => {
    const onFinal = () => Promise.reject(new AppError('log.unavailable', 'the log is down'));
    await expect(rewrite(event(response('a')), { onFinal })).rejects.toMatchObject({ code: 'log.unavailable' });
  });

  test('that the client gives up is closed towards the upstream', async () => {
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from(event(progress('x')));
      } finally {
        closed = true;
      }
    }
    const options = { status: 200, contentType: 'text/event-stream', body: endless(), limits, requestId: 1, keepAliveMs: 1_000 };
    const same = async (message: JsonObject) => message;
    for await (const _ of rewriteAnswer({ ...options, onInterim: same, onFinal: same }).body) break;
    await expect.poll(() => closed).toBe(true);
  });

  test('gives the same output however its bytes are cut and its lines end', async () => {
    const line = fc.constantFrom('\n', '\r\n', '\r');
    const parts = fc.array(
      fc.oneof(
        fc.string({ unit: 'grapheme' }).map((text) => ({ data: JSON.stringify(progress(`${text} secret`)), head: 'event: message' })),
        fc.nat(99).map((id) => ({ data: '', head: `id: ${id}` })),
        fc.string({ unit: 'grapheme-ascii' }).map((text) => ({ data: null, head: `: ${text}` })),
        fc.nat(9999).map((ms) => ({ data: null, head: `retry: ${ms}` })),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(parts, line, fc.boolean(), fc.array(fc.nat(2_000)), async (events, eol, mark, cuts) => {
        const all = [...events, { data: JSON.stringify(response('the secret end ☂')), head: 'event: message' }];
        const lines = all.map(({ head, data }) => `${head}${eol}${data === null ? '' : `data: ${data}${eol}`}${eol}`).join('');
        const bytes = Buffer.from(`${mark ? '\ufeff' : ''}${lines}`);
        const whole = await rewrite(Buffer.from(lines.replaceAll(eol, '\n')));
        expect(await rewrite(bytes, {}, cuts)).toBe(whole);
        expect(whole).not.toContain('secret');
      }),
      { numRuns: 300 },
    );
  });
});

describe('an answer in JSON', () => {
  const asJson = (text: string | Uint8Array, over: Partial<RewriteOptions> = {}, cuts: readonly number[] = []) =>
    rewrite(text, { contentType: 'application/json; charset=utf-8', ...over }, cuts);

  test('stays JSON and loses what is masked, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(400)), async (text, cuts) => {
        const out = await asJson(Buffer.from(JSON.stringify(response(`${text} secret`))), {}, cuts);
        expect(JSON.parse(out)).toEqual(mask(JSON.parse(JSON.stringify(response(`${text} secret`)))));
      }),
    );
  });

  test('passes an error that could not name the request', async () => {
    const error = { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'secret' } };
    expect(JSON.parse(await asJson(JSON.stringify(error)))).toMatchObject({ id: null, error: { message: '******' } });
  });

  test('may be empty only where no response is due', async () => {
    expect(await asJson('', { requestId: null, contentType: '' })).toBe('');
    await expect(asJson('')).rejects.toMatchObject({ code: 'upstream.failed' });
  });

  test.each([
    ['of another type', 'text/html', '<html>', 'upstream.answer-invalid'],
    ['that is cut off', 'application/json', '{"jsonrpc":"2.0","id":1', 'upstream.answer-invalid'],
    ['that is a notification', 'application/json', JSON.stringify(progress('x')), 'upstream.answer-invalid'],
    ['that is not UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22]), 'upstream.answer-invalid'],
    ['that is too large', 'application/json', JSON.stringify(response('x'.repeat(100_000))), 'upstream.answer-too-large'],
  ])('%s is withheld', async (_title, contentType, body, code) => {
    await expect(asJson(body, { contentType })).rejects.toMatchObject({ code });
  });
});
