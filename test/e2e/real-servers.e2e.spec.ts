import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, ROOT_FOLDER, STORY_TENANT, startCluster } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from './agent.js';

const serverOf = (name: string): string => join(ROOT_FOLDER, 'node_modules', '@modelcontextprotocol', `server-${name}`, 'dist', 'index.js');
const sandbox = join(realpathSync(tmpdir()), `sallyport-sandbox-${process.pid}`);

const stdio = (server: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => ({
  server,
  tenant: STORY_TENANT,
  transport: { kind: 'stdio', command: process.execPath, args, env },
});

describe('embedded, with the reference servers of the protocol as children of the stdio host', () => {
  let cluster: Cluster;
  let reader: Agent;
  let writer: Agent;
  beforeAll(async () => {
    mkdirSync(sandbox, { recursive: true });
    writeFileSync(join(sandbox, 'people.txt'), 'Call Margarethe: margarethe.oberlaender@posteo.example.net\n');
    cluster = await startCluster({
      size: 'embedded',
      shippedCatalog: ['everything', 'fs', 'memory'],
      configuration: {
        upstreams: [
          stdio('everything', [serverOf('everything'), 'stdio']),
          stdio('fs', [serverOf('filesystem'), sandbox]),
          stdio('memory', [serverOf('memory')], { MEMORY_FILE_PATH: join(sandbox, 'memory.jsonl') }),
        ],
      },
    });
    reader = await Agent.modern(`${cluster.gatewayUrl}/mcp`, await cluster.token({ subject: 'ada', agent: 'triage' }));
    writer = await Agent.legacy(`${cluster.gatewayUrl}/mcp`, await cluster.token({ subject: 'ada', agent: 'writer' }));
  });
  afterAll(async () => {
    await reader?.close();
    await writer?.close();
    await cluster?.close();
  });

  test('the tools of all servers are on one menu, under their stable names', async () => {
    const tools = await reader.list();
    expect(tools).toEqual(expect.arrayContaining(['everything__echo', 'fs__read_text_file', 'memory__read_graph', 'story__echo']));
    expect(tools).not.toContain('fs__write_file');
    expect(tools).not.toContain('everything__get-env');
  });

  test('a server nobody here wrote is called, decided and on record', async () => {
    const answer = await reader.call('everything__get-sum', { a: 2, b: 40 });
    expect(answer.isError).toBe(false);
    expect(answer.text).toContain('42');
    const { call } = await cluster.record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ target: 'everything/get-sum', decision: 'allow', outcome: 'completed' });
  });

  test('what a file says of a person is masked on its way to the agent', async () => {
    const answer = await reader.call('fs__read_text_file', { path: join(sandbox, 'people.txt') });
    expect(answer.text).toContain('Call Margarethe: [pii.email]');
    const { call } = await cluster.record.callOfTrace(answer.traceId);
    expect(call.labels).toContain('pii.email');
  });

  test('a write that was granted happens, one that was not does not', async () => {
    const path = join(sandbox, 'note.txt');
    const refused = await writer.call('fs__write_file', { path, content: 'refused' });
    expect(refused).toMatchObject({ isError: true, code: 'policy.denied' });
    expect(existsSync(path)).toBe(false);
    const { call } = await cluster.record.callOfTrace(refused.traceId);
    expect(call).toMatchObject({ target: 'fs/write_file', decision: 'deny', outcome: 'refused' });
    expect(readFileSync(join(sandbox, 'people.txt'), 'utf8')).toContain('Margarethe');
  });

  test('progress of a server nobody here wrote reaches the agent', async () => {
    const seen: number[] = [];
    const answer = await reader.call(
      'everything__trigger-long-running-operation',
      { duration: 1, steps: 3 },
      { onProgress: (progress) => seen.push(progress) },
    );
    expect(answer.isError).toBe(false);
    expect(seen.length).toBeGreaterThan(0);
  });
});
