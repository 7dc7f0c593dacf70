import { type Cluster, type CountingUpstream, STORY_TENANT, startCluster, startCountingUpstream, until } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MATRIX_CLIENTS, type MatrixClient, type Session } from './matrix-clients.js';

/** Servers of the matrix: by the SDK they are made with, and the revisions they speak. */
const UPSTREAMS = { v1: 'legacy', dual: 'dual', modern: 'modern' } as const;
type Upstream = keyof typeof UPSTREAMS;
const NAMES = Object.keys(UPSTREAMS) as Upstream[];

const catalogOf = (server: string): string => `server: ${server}
defaults: { owner: matrix-team, dataDomain: stories, supportContact: the desk, version: 1.0.0, lifecycle: active, lastReviewed: 2026-11-16, costMicros: 0, currency: USD, pin: on-first-use }
tools:
  echo: { tier: read }
  add: { tier: read }
  fail: { tier: read }
  leak_email: { tier: read }
`;

/** Whether client and server have a revision in common. */
const canSpeak = ({ era }: MatrixClient, upstream: Upstream): boolean =>
  era === 'either' || UPSTREAMS[upstream] === 'dual' || UPSTREAMS[upstream] === era;

let cluster: Cluster;
let token: string;
const upstreams = new Map<Upstream, CountingUpstream>();

beforeAll(async () => {
  for (const name of NAMES) upstreams.set(name, await startCountingUpstream({ era: UPSTREAMS[name] }));
  cluster = await startCluster({
    size: 'embedded',
    configuration: {
      gateway: { decisionTimeoutMs: 20_000, callTtlMs: 30_000 },
      upstreams: NAMES.map((server) => ({
        server,
        tenant: STORY_TENANT,
        transport: { kind: 'http', url: upstreamOf(server).url.href },
      })),
    },
    catalog: Object.fromEntries(NAMES.map((name) => [name, catalogOf(name)])),
  });
  token = await cluster.token({ subject: 'ada', agent: 'triage' });
  await until('the tools of every server are pinned', async () => {
    const { text } = await cluster.fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/tools');
    return NAMES.every((name) => text.includes(`"${name}/echo"`)) ? true : undefined;
  });
});
afterAll(async () => {
  await cluster?.close();
  await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
});

const upstreamOf = (name: Upstream): CountingUpstream => {
  const upstream = upstreams.get(name);
  if (upstream === undefined) throw new Error(`there is no ${name}`);
  return upstream;
};

/** Lists, and calls one tool for each kind of answer: a text, a structure, an error, a text that is masked. */
const callTools = async (session: Session, prefix: string): Promise<void> => {
  const tools = await session.tools();
  expect(tools).toEqual(expect.arrayContaining(['echo', 'add', 'fail', 'leak_email'].map((name) => `${prefix}${name}`)));
  // What needs a grant is not shown to an agent without one.
  expect(tools).not.toContain(`${prefix}delete_everything`);
  const [text, structured, failed, leaked] = await Promise.all([
    session.call(`${prefix}echo`, { text: 'grüß dich' }),
    session.call(`${prefix}add`, { a: 1, b: 2 }),
    session.call(`${prefix}fail`, { text: 'broken' }),
    session.call(`${prefix}leak_email`, { value: 'margarethe@posteo.example.net' }),
  ]);
  expect(text).toEqual({ text: 'grüß dich', structured: undefined, isError: false });
  expect(structured).toEqual({ text: '3', structured: { sum: 3 }, isError: false });
  expect(failed).toEqual({ text: 'broken', structured: undefined, isError: true });
  expect(leaked).toEqual({ text: 'Write to [pii.email] for more.', structured: { contact: { email: '[pii.email]' } }, isError: false });
};

/** The calls that the upstream saw came with a token of the gateway's own, and each is on record with its end. */
const expectGoverned = async (name: Upstream, before: number): Promise<void> => {
  const seen = upstreamOf(name)
    .requests()
    .filter(({ method }) => method === 'tools/call');
  expect(seen.length).toBeGreaterThan(0);
  for (const { headers } of seen) {
    expect(headers.authorization).toMatch(/^Bearer /);
    expect(headers.authorization).not.toContain(token);
  }
  await until(`the calls of ${name} are on record`, async () => ((await completedAt(name)) >= before + 4 ? true : undefined));
};

const completedAt = async (name: Upstream): Promise<number> => {
  const [row] = await cluster.admin<{ count: string }>(
    `SELECT count(*) FROM audit_projector.call_record WHERE target LIKE $1 AND decision = 'allow' AND outcome <> 'pending'`,
    [`${name}/%`],
  );
  return Number(row?.count ?? 0);
};

/** The Inspector starts a process for each question. */
const DEADLINE_MS = 240_000;

describe.each(MATRIX_CLIENTS)('$name', { timeout: DEADLINE_MS }, (client) => {
  const within = async (path: string, work: (session: Session) => Promise<void>): Promise<void> => {
    const session = await client.connect(`${cluster.gatewayUrl}${path}`, token);
    try {
      await work(session);
    } finally {
      await session.close();
    }
  };

  for (const name of NAMES) {
    if (canSpeak(client, name))
      test(`uses tools, a resource and a prompt of the ${name} server as if it spoke to it`, async () => {
        const before = await completedAt(name);
        await within(`/mcp/${name}`, async (session) => {
          await callTools(session, '');
          expect(await session.resource('note://latest')).toBe('a note');
          expect(await session.prompt('greet')).toBe('Hello.');
        });
        await expectGoverned(name, before);
      });
    else
      test(`is told by /mcp/${name} that they have no revision in common, and no tool is reached`, async () => {
        const before = upstreamOf(name).counts();
        await expect(client.connect(`${cluster.gatewayUrl}/mcp/${name}`, token)).rejects.toThrow(/version/i);
        expect(upstreamOf(name).counts()).toEqual(before);
      });
  }

  test('uses the tools of every server at /mcp, whatever revisions they speak', async () => {
    const before = new Map(await Promise.all(NAMES.map(async (name) => [name, await completedAt(name)] as const)));
    await within('/mcp', async (session) => {
      for (const name of NAMES) await callTools(session, `${name}__`);
    });
    for (const name of NAMES) await expectGoverned(name, before.get(name) ?? 0);
  });
});
