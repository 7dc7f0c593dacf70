import type { ApprovalDetail, ApprovalPage } from '@sallyport/contracts';
import { formatApproval, formatApprovalLine } from '@sallyport/domain';
import { type Command, Option } from 'commander';
import type { ApiClient } from '../api-client.js';
import { connect, withConnectionOptions } from '../connection.js';
import { say, sayJson } from '../terminal.js';

const STATUSES = ['pending', 'granted', 'used', 'lapsed', 'rejected', 'expired', 'withdrawn'];

/** `sallyport approval list | show | grant | reject`: what agents ask people for, and the answers. */
export const addApprovalCommands = (program: Command): void => {
  const approval = program.command('approval').description('what agents ask people for: see it, agree to it, or say no');

  withConnectionOptions(approval.command('list'))
    .description('print what is asked, newest first')
    .addOption(new Option('--status <status>', 'only these').choices(STATUSES).default('pending'))
    .action(async (options) => {
      const page = await (await connect(options)).json<ApprovalPage>('GET', `/v1/approvals?status=${options.status}`);
      if (options.json) return sayJson(page);
      for (const one of page.approvals) say(formatApprovalLine(one));
      if (page.approvals.length === 0) say(`Nothing is ${options.status}.`);
    });

  withConnectionOptions(approval.command('show'))
    .description('print exactly what is asked')
    .argument('<id>', 'the approval')
    .action(async (id: string, options) => {
      const detail = await detailOf(await connect(options), id);
      options.json ? sayJson(detail) : say(formatApproval(detail));
    });

  withConnectionOptions(approval.command('grant'))
    .description('agree to exactly this call, once')
    .argument('<id>', 'the approval')
    .action(async (id: string, options) => {
      const client = await connect(options);
      const granted = await client.json<ApprovalDetail>('POST', `${addressOf(id)}/grant`, seenOf(await detailOf(client, id)));
      options.json ? sayJson(granted) : say(formatApprovalLine(granted));
    });

  withConnectionOptions(approval.command('reject'))
    .description('say no')
    .argument('<id>', 'the approval')
    .requiredOption('--why <reason>', 'why, for the agent and the record')
    .action(async (id: string, options) => {
      const client = await connect(options);
      const seen = seenOf(await detailOf(client, id));
      const rejected = await client.json<ApprovalDetail>('POST', `${addressOf(id)}/reject`, { ...seen, why: options.why });
      options.json ? sayJson(rejected) : say(formatApprovalLine(rejected));
    });
};

const addressOf = (id: string): string => `/v1/approvals/${encodeURIComponent(id)}`;

const detailOf = async (client: ApiClient, id: string): Promise<ApprovalDetail> => await client.json<ApprovalDetail>('GET', addressOf(id));

/** Binds an answer to what was looked at. */
const seenOf = ({ paramsHash, tool }: ApprovalDetail) => ({ paramsHash, toolDigest: tool.definitionDigest });
