import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { Cluster } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Agent, type Answer } from './agent.js';

/** How long an agent may wait at most for an upstream that is not there, on a machine that is busy. */
const FAST_MS = 2_500;

const MIB = 1024 * 1024;
const HUGE_BYTES = 200 * MIB;
/**
 * How far the gateway's memory may rise at its peak for two answers that are too large: of each it holds 16 MiB (`gateway.maxAnswerBytes`) or 10,000
 * messages, what the network brought meanwhile, and what V8 has not collected yet. Measured once, in one process and in one of its own: 38 and 41 MiB
 * for 200 MB, 47 and 75 MiB for a stream without end.
 */
const PEAK_MAX_BYTES = 128 * MIB;
/** More than the 10,000 messages that an answer may have on its way. */
const MESSAGES_MAX = 10_000;

/** Where a request must never be led: machines tell their credentials there. By number, by name, and here, where it would be seen. */
const METADATA = [
  'http://169.254.169.254/latest/meta-data/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://[fd00:ec2::254]/',
];
const REDIRECTS = [301, 302, 303, 307, 308];

/** How many bytes of memory a process has more at its peak than now, while something is done. Where the system tells no peak: at the end. */
const peakOf = async (pid: number | undefined, work: () => Promise<void>): Promise<number> => {
  if (pid === undefined) throw new Error('the gateway does not run');
  const folder = `/proc/${pid}`;
  const isTold = existsSync(`${folder}/clear_refs`);
  const bytes = (): number => {
    const told = isTold ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1] : undefined;
    return Number(told ?? execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim()) * 1024;
  };
  // proc(5), /proc/pid/clear_refs: 5 sets the peak to what there is now.
  if (isTold) writeFileSync(`${folder}/clear_refs`, '5');
  const before = bytes();
  await work();
  return bytes() - before;
};

/** Sends pieces until there are no more or nobody listens; resolves with how many bytes somebody took. */
const pour = async (response: ServerResponse, pieces: Iterable<Buffer>): Promise<number> => {
  let taken = 0;
  let isOver = false;
  response.once('close', () => {
    isOver = true;
  });
  for (const piece of pieces) {
    if (isOver) break;
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]).catch(() => undefined);
    taken += piece.length;
  }
  if (!isOver) response.end();
  return taken;
};

/** What an agent gets, and what is on record, when an upstream is down, slow or breaks off. */
export const upstreamFaults = (cluster: () => Cluster): void => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' }));
  });
  afterEach(async () => {
    cluster().upstream.release();
  });
  afterAll(async () => {
    await agent?.close();
  });

  test('a call of an upstream that is down is refused fast, on record as not sent, and works again once it is back', async () => {
    await cluster().upstream.leave();
    let refused: Answer;
    try {
      refused = await agent.call('echo', { text: 'anybody there?' });
    } finally {
      await cluster().upstream.return();
    }
    expect(refused).toMatchObject({ isError: true, code: 'upstream.unreachable' });
    expect(refused.waitedMs).toBeLessThan(FAST_MS);
    const { call, events } = await cluster().record.callOfTrace(refused.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'failed', code: 'upstream.unreachable' });
    expect(events.find((event) => event.type === 'ToolCallFailed')?.data).toMatchObject({ reached: 'no' });

    const answer = await agent.call('echo', { text: 'there you are' });
    expect(answer).toMatchObject({ isError: false, text: 'there you are' });
  });

  test('one dead upstream hides no other: tools that do not need it stay on the menu', async () => {
    await cluster().upstream.leave();
    try {
      const { status } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/tools');
      expect(status).toBe(200);
    } finally {
      await cluster().upstream.return();
    }
  });

  test('an upstream that does not answer in time ends in a timeout that says it may have taken effect', async () => {
    const before = cluster().upstream.callsOf('wait').length;
    const answer = await agent.call('wait');
    expect(answer).toMatchObject({ isError: true, code: 'upstream.timeout' });
    expect(answer.waitedMs).toBeGreaterThan(2_500);
    expect(answer.waitedMs).toBeLessThan(10_000);
    expect(answer.text).toContain('may have taken effect');
    expect(cluster().upstream.callsOf('wait')).toHaveLength(before + 1);
    const { call, events } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'failed', code: 'upstream.timeout' });
    expect(events.find((event) => event.type === 'ToolCallFailed')?.data).toMatchObject({ reached: 'yes' });
  });

  test('an answer that breaks off is withheld whole, and is on record as sent', async () => {
    const answer = await agent.call('half');
    expect(answer.isError).toBe(true);
    expect(['upstream.failed', 'upstream.answer-invalid']).toContain(answer.code);
    expect(answer.raw).not.toContain('half of');
    const { call, events } = await cluster().record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'failed', code: answer.code });
    expect(events.find((event) => event.type === 'ToolCallFailed')?.data).toMatchObject({ reached: 'yes' });
  });

  /** Calls of a tool that reads and of one that writes, while their upstream misbehaves; each with its record. */
  const bothWhile = async (misbehave: (response: ServerResponse) => void) => {
    const { upstream, record, gatewayUrl } = cluster();
    const writer = await Agent.modern(`${gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'writer' }));
    for (const tool of ['echo', 'write']) upstream.misbehaving.set(tool, misbehave);
    try {
      const read = await agent.call('echo', { text: 'x' });
      const write = await writer.call('write', { text: 'x' });
      return { read, write, records: [await record.callOfTrace(read.traceId), await record.callOfTrace(write.traceId)] };
    } finally {
      upstream.misbehaving.clear();
      await writer.close();
    }
  };
  type Both = Awaited<ReturnType<typeof bothWhile>>;
  /** The reading has failed, the write is in doubt, and both were told why. */
  const expectFailedAndInDoubt = ({ read, write, records }: Both, code: string): void => {
    for (const answer of [read, write]) expect(answer).toMatchObject({ isError: true, code });
    expect(records[0]?.call).toMatchObject({ decision: 'allow', outcome: 'failed', code });
    expect(records[1]?.call).toMatchObject({ decision: 'allow', outcome: 'in-doubt', code: 'call.in-doubt' });
    expect(records[1]?.call.reasons.join(' ')).toContain(code);
  };

  test('half an event is withheld whole: a reading has failed, and a write is in doubt', async () => {
    const both = await bothWhile((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"half of', () =>
        response.destroy(),
      );
    });
    expectFailedAndInDoubt(both, 'upstream.failed');
    for (const answer of [both.read, both.write]) expect(answer.raw).not.toContain('half of');
  });

  test('an answer of 200 MB is cut off at its bound, and held by nobody', async () => {
    const poured: Promise<number>[] = [];
    const piece = Buffer.alloc(MIB, 'x');
    const peak = await peakOf(cluster().service('edge-gateway').pid, async () => {
      const both = await bothWhile((response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"');
        const pieces = Array.from({ length: HUGE_BYTES / MIB }, () => piece);
        poured.push(pour(response, pieces));
      });
      expectFailedAndInDoubt(both, 'upstream.answer-too-large');
    });
    for (const bytes of await Promise.all(poured)) expect(bytes).toBeLessThan(HUGE_BYTES / 2);
    console.info(`an answer of 200 MB: ${Math.round(peak / MIB)} MiB more at the peak`);
    expect(peak).toBeLessThan(PEAK_MAX_BYTES);
  });

  test('a stream of messages without end is ended by the gateway, and held by nobody', async () => {
    const poured: Promise<number>[] = [];
    const message = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'and another thing' } };
    const event = Buffer.from(`data: ${JSON.stringify(message)}\n\n`);
    const endless = function* () {
      for (;;) yield event;
    };
    const peak = await peakOf(cluster().service('edge-gateway').pid, async () => {
      const both = await bothWhile((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        poured.push(pour(response, endless()));
      });
      expectFailedAndInDoubt(both, 'upstream.answer-too-large');
    });
    for (const bytes of await Promise.all(poured)) expect(bytes).toBeGreaterThan(MESSAGES_MAX * event.length);
    console.info(`a stream without end: ${Math.round(peak / MIB)} MiB more at the peak`);
    expect(peak).toBeLessThan(PEAK_MAX_BYTES);
  });

  test('a redirect to a metadata address, or to any other, is followed by nobody', async () => {
    let strays = 0;
    const trap = createServer((_request, response) => {
      strays += 1;
      response.end();
    });
    trap.listen(0, '127.0.0.1');
    await once(trap, 'listening');
    const address = trap.address();
    const here = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}/latest/meta-data/` : '';
    try {
      for (const [n, location] of [...METADATA, here, here].entries()) {
        const status = REDIRECTS[n] ?? 302;
        const { upstream, record } = cluster();
        upstream.misbehaving.set('echo', (response) => void response.writeHead(status, { location }).end());
        const answer = await agent.call('echo', { text: 'x' });
        expect(answer, `${status} to ${location}`).toMatchObject({ isError: true, code: 'upstream.answer-invalid' });
        const { call } = await record.callOfTrace(answer.traceId);
        expect(call).toMatchObject({ outcome: 'failed', code: 'upstream.answer-invalid' });
      }
    } finally {
      cluster().upstream.misbehaving.clear();
      trap.close();
    }
    expect(strays).toBe(0);
  });

  test('REST tells the same faults with their status and a body of the one form', async () => {
    await cluster().upstream.leave();
    try {
      const { status, text } = await cluster().fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/invoke', {
        method: 'POST',
        body: { tool: 'story/echo', arguments: { text: 'x' } },
      });
      expect(status).toBe(503);
      const body = JSON.parse(text) as { callId: string };
      expect(body).toMatchObject({ code: 'upstream.unreachable', retryable: true });
      const { call } = await cluster().record.call(body.callId);
      expect(call).toMatchObject({ outcome: 'failed', code: 'upstream.unreachable' });
    } finally {
      await cluster().upstream.return();
    }
  });
};
