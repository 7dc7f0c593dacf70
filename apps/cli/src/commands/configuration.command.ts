import type { Command } from 'commander';
import { openConfiguration } from '../connection.js';
import { paint, say } from '../terminal.js';

/** `sallyport configuration check`: every fault at once, before anything is started. */
export const addConfigurationCommand = (program: Command): void => {
  program
    .command('configuration')
    .description('check the configuration without starting anything')
    .command('check')
    .description('read sallyport.yaml and print every fault with its path; exits with 1 when there is one')
    .option('--config <file>', 'the configuration', 'sallyport.yaml')
    .action(async (options: { config: string }) => {
      await openConfiguration(options.config);
      say(`${paint.green('valid')}: ${options.config}`);
    });
};
