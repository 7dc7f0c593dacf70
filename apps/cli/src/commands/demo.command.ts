import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type ApprovalDetail, type ApprovalPage, type CallPage, type CallRecord, META_KEYS } from '@sallyport/contracts';
import { formatRecordLine } from '@sallyport/domain';
import type { Command } from 'commander';
import { ApiClient, ApiFault } from '../api-client.js';
import { mintDevelopmentToken, openConfiguration } from '../connection.js';
import { DemoAgent } from '../demo-agent.js';
import { type ChildrenFile, childrenFileOf } from '../stdio-children.js';
import { paint, say } from '../terminal.js';

const RECORD_WAIT_MS = 20_000;
const RECOVERY_WAIT_MS = 60_000;
const POLL_MS = 100;
/** More than ada's budget pays for in two minutes, should one end meanwhile. */
const PRICED_CALLS_MAX = 6;

/** One line of the demonstration: who calls what, and what must come of it. The demo fails when it does not. */
interface Story {
  readonly title: string;
  readonly agent: string;
  readonly tool: string;
  readonly args: Record<string, unknown>;
  readonly expect: (seen: { record: CallRecord; text: string; listed: boolean }) => boolean;
  readonly show?: (seen: { text: string }) => string;
}

const FAKE_KEY = ['ghp', '16C7e42F292c6912E7710c838347Ae178B4a'].join('_');

const STORIES: readonly Story[] = [
  {
    title: 'allowed',
    agent: 'triage',
    tool: 'everything__echo',
    args: { message: 'hello' },
    expect: ({ record }) => record.outcome === 'completed' && record.decision === 'allow',
  },
  {
    title: 'refused by policy: a file that holds credentials',
    agent: 'writer',
    tool: 'fs__write_file',
    args: { path: '.env', content: 'MODE=debug' },
    expect: ({ record }) => record.outcome === 'refused' && record.decision === 'deny',
  },
  {
    title: 'a secret in the arguments, masked on its way out',
    agent: 'triage',
    tool: 'everything__echo',
    args: { message: `deploy with ${FAKE_KEY}` },
    expect: ({ record, text }) => record.argumentRedactions.length > 0 && !text.includes(FAKE_KEY),
    show: ({ text }) => `the tool saw: ${text}`,
  },
  {
    title: 'personal data in the result, masked on its way in',
    agent: 'triage',
    tool: 'fs__read_text_file',
    args: { path: 'customers.csv' },
    expect: ({ record, text }) => record.resultRedactions.length > 0 && !text.includes('@example.com'),
    show: ({ text }) => `the agent saw: ${text.trim().split('\n').at(-1) ?? ''}`,
  },
  {
    title: 'a tool hidden from this agent: not listed, and unknown when called',
    agent: 'triage',
    tool: 'fs__write_file',
    args: { path: 'notes.txt', content: 'hello' },
    expect: ({ record, listed }) => !listed && record.code === 'tool.unknown',
  },
];

/** `sallyport demo`: an agent at work, one line of record for each call, and the proof at the end. */
export const addDemoCommand = (program: Command): void => {
  program
    .command('demo')
    .description('call real tools through the running gateway as an agent would, and show the record of each call')
    .option('--config <file>', 'the configuration', 'sallyport.yaml')
    .option('--url <address>', 'the gateway')
    .option('--auto', 'answer for the person who is asked, instead of waiting for somebody to do it in another terminal')
    .action(async (options: { config: string; url?: string; auto?: true }) => {
      const { configuration, dataFolder } = await openConfiguration(options.config);
      const baseUrl = options.url ?? configuration.gateway.publicUrl;
      const auditor = new ApiClient(
        baseUrl,
        await mintDevelopmentToken(options.config, { subject: 'grace', agent: null, scopes: ['sallyport:audit'] }),
      );
      await auditor.json('GET', '/v1/audit/calls?limit=1');
      const approver = new ApiClient(
        baseUrl,
        await mintDevelopmentToken(options.config, { subject: 'grace', agent: null, scopes: ['sallyport:approve'] }),
      );
      const agents = new Map<string, DemoAgent>();
      for (const name of ['triage', 'writer']) {
        const token = await mintDevelopmentToken(options.config, { subject: 'ada', agent: name });
        agents.set(name, await DemoAgent.connect(`${baseUrl}/mcp`, name, token));
      }
      try {
        for (const story of STORIES) await tell(story, agentOf(agents, story.agent), auditor);
        await tellBudget(agentOf(agents, 'triage'), auditor);
        await tellRepetition(agentOf(agents, 'writer'), auditor);
        await tellPlan(agentOf(agents, 'writer'), auditor);
        await tellApproval(agentOf(agents, 'writer'), { auditor, approver, isAuto: options.auto === true });
        await tellOutage(agentOf(agents, 'triage'), auditor, dataFolder);
        await tellVerification(auditor);
      } finally {
        await Promise.all([...agents.values()].map((agent) => agent.close()));
      }
    });
};

const agentOf = (agents: ReadonlyMap<string, DemoAgent>, name: string): DemoAgent => {
  const agent = agents.get(name);
  if (agent === undefined) throw new ApiFault(`the demo has no agent ${name}`, 'cli.demo');
  return agent;
};

const tell = async (story: Story, agent: DemoAgent, auditor: ApiClient): Promise<void> => {
  const { callId, text } = await agent.call(story.tool, story.args);
  const record = await recordOf(auditor, callId);
  say(`${paint.bold(story.title)}\n  ${formatRecordLine(record)}`);
  if (story.show !== undefined) say(paint.dim(`  ${story.show({ text })}`));
  if (!story.expect({ record, text, listed: agent.tools.has(story.tool) })) {
    throw new ApiFault(`this is not what the demo expects (${record.outcome}, ${record.code ?? 'no code'}): ${text}`, 'cli.demo');
  }
};

/** Calls a tool that costs something until nobody pays for it any more. */
const tellBudget = async (agent: DemoAgent, auditor: ApiClient): Promise<void> => {
  say(paint.bold('a tool that costs something, until the budget is spent'));
  for (let calls = 1; calls <= PRICED_CALLS_MAX; calls += 1) {
    const { callId, text } = await agent.call('everything__get-sum', { a: calls, b: 1 });
    const record = await recordOf(auditor, callId);
    say(`  ${formatRecordLine(record)}`);
    if (record.code === 'budget.exhausted') return say(paint.dim(`  the agent read: ${text.split('\n')[0] ?? ''}`));
    if (record.outcome !== 'completed') throw new ApiFault(`the call was not made (${record.code ?? record.outcome}): ${text}`, 'cli.demo');
  }
  throw new ApiFault('the budget of ada was never spent', 'cli.demo');
};

/** The same write under the same key: the second is told what the first was told, and the tool is not called again. */
const tellRepetition = async (agent: DemoAgent, auditor: ApiClient): Promise<void> => {
  say(paint.bold('the same idempotency key twice: executed once'));
  const key = randomUUID();
  const args = { path: 'demo.txt', content: 'written once\n' };
  const told: string[] = [];
  for (const attempt of [1, 2]) {
    const { callId, text } = await agent.call('fs__write_file', args, { [META_KEYS.idempotencyKey]: key });
    const record = await recordOf(auditor, callId, attempt === 1);
    say(`  ${formatRecordLine(record)}`);
    told.push(text);
    const isSent = (record.upstreamMicros ?? 0) > 0;
    if (record.outcome !== 'completed' || isSent !== (attempt === 1))
      throw new ApiFault(`the call was not made exactly once (${record.code ?? record.outcome}): ${text}`, 'cli.demo');
  }
  if (told[0] !== told[1]) throw new ApiFault('the two were told different things', 'cli.demo');
};

/** A file that `tellRepetition` wrote, under a name that nothing has yet. */
const aMove = () => ({ source: 'demo.txt', destination: `demo-${randomUUID()}.txt` });

/** What would happen, without its happening. */
const tellPlan = async (agent: DemoAgent, auditor: ApiClient): Promise<void> => {
  const { callId, text } = await agent.call('fs__move_file', aMove(), { [META_KEYS.plan]: true });
  const record = await recordOf(auditor, callId, false);
  say(`${paint.bold('a plan: what would happen, and nothing does')}\n  ${formatRecordLine(record)}`);
  say(paint.dim(`  the agent read: ${text}`));
  if (record.outcome !== 'planned') throw new ApiFault(`this was no plan (${record.outcome}): ${text}`, 'cli.demo');
};

/** A high-risk write waits until a person has agreed to exactly it, and is then carried out once. */
const tellApproval = async (
  agent: DemoAgent,
  { auditor, approver, isAuto }: { readonly auditor: ApiClient; readonly approver: ApiClient; readonly isAuto: boolean },
): Promise<void> => {
  say(paint.bold('held until a person agrees, then executed once'));
  const move = aMove();
  const calling = agent.call('fs__move_file', move);
  const approvalId = await approvalOf(approver, move.destination);
  if (isAuto) {
    const { paramsHash, tool } = await approver.json<ApprovalDetail>('GET', `/v1/approvals/${approvalId}`);
    await approver.json('POST', `/v1/approvals/${approvalId}/grant`, { paramsHash, toolDigest: tool.definitionDigest });
    say(paint.dim(`  grace agreed to ${approvalId}`));
  } else {
    say(`  waiting for grace. In another terminal: ${paint.bold(`npx sallyport approval grant ${approvalId}`)}`);
    say(paint.dim('  (show it first: npx sallyport approval show <id>; or run the demo with --auto)'));
  }
  const { callId, text } = await calling;
  const record = await recordOf(auditor, callId);
  say(`  ${formatRecordLine(record)}`);
  if (!isAuto && record.code?.startsWith('approval.') === true) return;
  if (record.outcome !== 'completed') throw new ApiFault(`the call was not made (${record.code ?? record.outcome}): ${text}`, 'cli.demo');
};

/** The request that is asked about this very file. */
const approvalOf = async (approver: ApiClient, destination: string): Promise<string> => {
  const until = performance.now() + RECORD_WAIT_MS;
  for (;;) {
    const { approvals } = await approver.json<ApprovalPage>('GET', '/v1/approvals?status=pending');
    for (const { approvalId } of approvals) {
      const { paramsMasked } = await approver.json<ApprovalDetail>('GET', `/v1/approvals/${approvalId}`);
      if (JSON.stringify(paramsMasked).includes(destination)) return approvalId;
    }
    if (performance.now() > until) throw new ApiFault(`nobody was asked within ${RECORD_WAIT_MS / 1000} s`, 'cli.demo');
    await delay(POLL_MS);
  }
};

const tellOutage = async (agent: DemoAgent, auditor: ApiClient, dataFolder: string): Promise<void> => {
  const children = JSON.parse(await readFile(childrenFileOf(dataFolder), 'utf8')) as ChildrenFile;
  const child = children.children.find(({ child: name }) => name.endsWith('/memory'));
  if (child === undefined || child.pid === null) throw new ApiFault('the memory server is not running', 'cli.demo');
  process.kill(child.pid, 'SIGKILL');
  const refused = await recordOf(auditor, (await agent.call('memory__read_graph', {})).callId);
  say(`${paint.bold('its server killed: refused fast, the others go on')}\n  ${formatRecordLine(refused)}`);
  const until = performance.now() + RECOVERY_WAIT_MS;
  for (;;) {
    const { callId, isError } = await agent.call('memory__read_graph', {});
    if (!isError) {
      say(`${paint.bold('and back')}\n  ${formatRecordLine(await recordOf(auditor, callId))}`);
      return;
    }
    if (performance.now() > until) throw new ApiFault('the memory server did not come back', 'cli.demo');
    await delay(POLL_MS * 5);
  }
};

const tellVerification = async (auditor: ApiClient): Promise<void> => {
  const result = await auditor.json<{ ok: boolean; eventsChecked: number; chainsChecked: number }>('GET', '/v1/audit/verify');
  say(paint.bold('the record, verified'));
  say(`  ${result.ok ? paint.green('unaltered') : paint.red('ALTERED')}: ${result.eventsChecked} events in ${result.chainsChecked} chains`);
  if (!result.ok) process.exitCode = 1;
};

const recordOf = async (auditor: ApiClient, callId: string, isCharged = true): Promise<CallRecord> => {
  const until = performance.now() + RECORD_WAIT_MS;
  for (;;) {
    const { calls } = await auditor.json<CallPage>('GET', `/v1/audit/calls?callId=${callId}`);
    const record = calls[0];
    if (record !== undefined && isComplete(record, isCharged)) return record;
    if (performance.now() > until) throw new ApiFault(`no record of call ${callId} after ${RECORD_WAIT_MS / 1000} s`, 'cli.demo');
    await delay(POLL_MS);
  }
};

/** Whether the call ended and, unless it was refused, what it costs is on record: the two come by different topics. */
const isComplete = ({ outcome, priceMicros }: CallRecord, isCharged: boolean): boolean =>
  outcome !== 'pending' && outcome !== 'waiting' && (!isCharged || outcome === 'refused' || priceMicros !== null);
