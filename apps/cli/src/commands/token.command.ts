import type { Command } from 'commander';
import { mintDevelopmentToken } from '../connection.js';
import { say } from '../terminal.js';

/** `sallyport token ada --agent triage`: a token of the embedded default's development issuer, bare on stdout. */
export const addTokenCommand = (program: Command): void => {
  program
    .command('token')
    .description('print an access token for one of the people of the configuration (embedded default only)')
    .argument('<person>', 'who the token is for, e.g. ada')
    .option('--agent <agent>', 'the agent that acts for them, e.g. triage')
    .option('--tenant <tenant>', 'the tenant; the first of the configuration when not given')
    .option('--scope <scopes>', 'scopes, separated by spaces; all that person and agent share when not given')
    .option('--ttl <seconds>', 'how long it is valid', '28800')
    .option('--workflow <id>', 'the workflow the calls belong to')
    .option('--config <file>', 'the configuration', 'sallyport.yaml')
    .action(async (person: string, options) => {
      say(
        await mintDevelopmentToken(options.config, {
          subject: person,
          agent: options.agent ?? null,
          tenantId: options.tenant,
          scopes: options.scope?.split(/\s+/).filter((scope: string) => scope !== ''),
          ttlSeconds: Number(options.ttl),
          workflow: options.workflow,
        }),
      );
    });
};
