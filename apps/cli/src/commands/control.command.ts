import { ControlKind } from '@sallyport/contracts';
import { Argument, type Command } from 'commander';
import { connect, withConnectionOptions } from '../connection.js';
import { paint, say, sayJson } from '../terminal.js';

interface Control {
  readonly control: string;
  readonly value: string;
  readonly active: boolean;
  readonly epoch: number;
}

/** `sallyport control list | stop | lift` and `sallyport chain resolve`: stop a tool, server, agent, person, token or tenant at once. */
export const addControlCommands = (program: Command): void => {
  const control = program
    .command('control')
    .description('stop a tool, server, agent, person, token or a whole tenant at once, and lift it again');

  withConnectionOptions(control.command('list'))
    .description('print what is stopped')
    .action(async (options) => {
      const { controls } = await (await connect(options)).json<{ controls: Control[] }>('GET', '/v1/controls');
      if (options.json) return sayJson(controls);
      for (const one of controls) if (one.active) say(`${paint.red('stopped')} ${one.control} ${one.value}`);
    });

  for (const [verb, active] of [
    ['stop', true],
    ['lift', false],
  ] as const) {
    withConnectionOptions(control.command(verb))
      .description(active ? 'stop it; when this returns, no byte goes out for it any more' : 'let it go on')
      .addArgument(new Argument('<kind>', 'what is meant').choices(ControlKind.options))
      .argument('<value>', 'which one, e.g. fs/write_file, agent:triage')
      .requiredOption('--why <reason>', 'why, for the record')
      .action(async (kind: string, value: string, options) => {
        const changed = await (await connect(options)).json<Control>('PUT', '/v1/controls', {
          control: kind,
          value,
          active,
          why: options.why,
        });
        options.json
          ? sayJson(changed)
          : say(`${active ? paint.red('stopped') : paint.green('lifted')} ${kind} ${value} (epoch ${changed.epoch})`);
      });
  }

  const chain = program.command('chain').description('chains of calls that are held because an event could not be handled');
  withConnectionOptions(chain.command('resolve'))
    .description('let a poisoned chain go on')
    .argument('<chain>', 'the chain id')
    .requiredOption('--why <reason>', 'why, for the record')
    .action(async (chainId: string, options) => {
      const resolved = await (await connect(options)).json('POST', `/v1/chains/${encodeURIComponent(chainId)}/resolve`, {
        why: options.why,
      });
      options.json ? sayJson(resolved) : say(`${paint.green('resolved')} ${chainId}`);
    });
};
