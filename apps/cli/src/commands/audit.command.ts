import type { CallPage, CallRecord, RebuiltCalls } from '@sallyport/contracts';
import { formatCallDetail, formatRecordLine } from '@sallyport/domain';
import type { Command } from 'commander';
import { connect, withConnectionOptions } from '../connection.js';
import { paint, say, sayJson } from '../terminal.js';

interface CallDetail {
  readonly record: CallRecord;
  readonly events: Parameters<typeof formatCallDetail>[1];
}
interface Verification {
  readonly ok: boolean;
  readonly eventsChecked: number;
  readonly chainsChecked: number;
  readonly checkpointsChecked: number;
  readonly faults: readonly {
    readonly kind: string;
    readonly topic: string;
    readonly partition: number;
    readonly position: string;
    readonly detail: string;
  }[];
}

/** `sallyport audit tail | show CALL | verify | rebuild`: the record, through the audit projector's API. */
export const addAuditCommands = (program: Command): void => {
  const audit = program.command('audit').description('read and verify the record of calls, and derive anew what it is searched by');

  withConnectionOptions(audit.command('tail'))
    .description('print a line for each call as it ends; Ctrl-C stops')
    .option('--last <count>', 'calls to begin with', '10')
    .action(async (options) => {
      const api = await connect(options);
      const page = await api.json<CallPage>('GET', `/v1/audit/calls?limit=${encodeURIComponent(options.last)}`);
      for (const record of page.calls.toReversed()) options.json ? sayJson(record) : say(formatRecordLine(record));
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      try {
        for await (const data of api.events('/v1/audit/tail', stop.signal)) {
          options.json ? say(data) : say(formatRecordLine(JSON.parse(data) as CallRecord));
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
    });

  withConnectionOptions(audit.command('show'))
    .description('print everything that is on record of one call')
    .argument('<call>', 'the call id')
    .action(async (call: string, options) => {
      const detail = await (await connect(options)).json<CallDetail>('GET', `/v1/audit/calls/${encodeURIComponent(call)}`);
      options.json ? sayJson(detail) : say(formatCallDetail(detail.record, detail.events));
    });

  withConnectionOptions(audit.command('verify'))
    .description('recompute the event chains and checkpoints; exits with 1 when anything was altered')
    .action(async (options) => {
      const result = await (await connect(options)).json<Verification>('GET', '/v1/audit/verify');
      if (options.json) sayJson(result);
      else if (result.ok) say(`${paint.green('verified')}: ${verificationFigures(result)}`);
      else {
        say(`${paint.red('altered')}: ${verificationFigures(result)}`);
        for (const fault of result.faults) say(`  ${fault.kind} ${fault.topic}/${fault.partition} at ${fault.position}: ${fault.detail}`);
      }
      if (!result.ok) process.exitCode = 1;
    });

  withConnectionOptions(audit.command('rebuild'))
    .description('derive what calls are found, counted and shown by anew from the record; stopped, it can go on where it was')
    .option('--after <call>', 'go on after this call')
    .action(async (options) => {
      const api = await connect(options);
      let calls = 0;
      for (let after: string | null = options.after ?? ''; after !== null; ) {
        const query: string = after === '' ? '' : `?after=${encodeURIComponent(after)}`;
        const some: RebuiltCalls = await api.json<RebuiltCalls>('POST', `/v1/audit/rebuild${query}`);
        calls += some.calls;
        after = some.next;
        if (options.json) sayJson({ calls, next: after });
        else if (after !== null) say(`${calls} calls. To go on from here: sallyport audit rebuild --after ${after}`);
      }
      if (!options.json) say(`${paint.green('rebuilt')}: ${calls} calls. Nothing on record was changed.`);
    });
};

const verificationFigures = ({ eventsChecked, chainsChecked, checkpointsChecked }: Verification): string =>
  `${eventsChecked} events in ${chainsChecked} chains, ${checkpointsChecked} checkpoints`;
