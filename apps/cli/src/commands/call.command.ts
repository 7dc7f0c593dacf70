import type { CallInDoubt, CallsInDoubt, ResolvedCall } from '@sallyport/contracts';
import { type Command, Option } from 'commander';
import { ApiFault } from '../api-client.js';
import { connect, withConnectionOptions } from '../connection.js';
import { say, sayJson } from '../terminal.js';

/** `sallyport call list --in-doubt | resolve`: calls that were sent and not answered, and what a person found out about them. */
export const addCallCommands = (program: Command): void => {
  const call = program.command('call').description('calls that were sent and not answered: see them, and say what became of them');

  withConnectionOptions(call.command('list'))
    .description('print the calls that nobody knows the outcome of, the oldest first')
    .addOption(new Option('--in-doubt', 'those that were sent and not answered').makeOptionMandatory())
    .action(async (options) => {
      const client = await connect(options);
      const calls: CallInDoubt[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page: CallsInDoubt = await client.json<CallsInDoubt>('GET', `/v1/calls/in-doubt?limit=200${after}`);
        calls.push(...page.calls);
        cursor = page.nextCursor;
      }
      if (options.json) return sayJson({ calls });
      for (const one of calls) say(lineOf(one));
      say(
        calls.length === 0
          ? 'No call is in doubt.'
          : 'Look for the effect at the upstream, then: sallyport call resolve <callId> --executed | --not-executed --note "what you found"',
      );
    });

  withConnectionOptions(call.command('resolve'))
    .description('put on record what became of a call in doubt, once')
    .argument('<callId>', 'the call')
    .addOption(new Option('--executed', 'it took effect').conflicts('notExecuted'))
    .addOption(new Option('--not-executed', 'it did not').conflicts('executed'))
    .requiredOption('--note <note>', 'what you looked at and found, for the record')
    .action(async (callId: string, options) => {
      const { executed, notExecuted } = options;
      if (executed !== true && notExecuted !== true) throw new ApiFault('Say what you found: --executed or --not-executed.', 'cli.usage');
      const resolution = executed === true ? 'executed' : 'not-executed';
      const body = { resolution, note: options.note };
      const resolved = await (await connect(options)).json<ResolvedCall>(
        'POST',
        `/v1/calls/${encodeURIComponent(callId)}/resolution`,
        body,
      );
      if (options.json) return sayJson(resolved);
      say(`${resolved.callId} was ${resolved.resolution === 'executed' ? 'executed' : 'not executed'}, says ${resolved.resolvedBy}.`);
      say(FOLLOWS[resolved.resolution]);
    });
};

const FOLLOWS: Readonly<Record<ResolvedCall['resolution'], string>> = {
  executed: 'What was held for it is charged. Its idempotency key stays taken: a repetition is told result.not-retained.',
  'not-executed': 'What was held for it is released. Its idempotency key is free: a repetition is a call of its own.',
};

const lineOf = ({ callId, inDoubtSince, subject, actor, target, method, riskTier, tokenId, edgeId }: CallInDoubt): string =>
  [
    callId,
    `since ${inDoubtSince}`,
    `${subject ?? 'somebody'}${actor === null ? '' : ` via ${actor}`} called ${target ?? method ?? 'what nobody knows'}`,
    ...(riskTier === null ? [] : [`(${riskTier})`]),
    ...(tokenId === null ? [] : [`token ${tokenId}`]),
    `on ${edgeId}`,
  ].join('  ');
