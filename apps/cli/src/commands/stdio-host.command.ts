import { AppError } from '@sallyport/contracts';
import { HealthRegistry, stopOnSignals } from '@sallyport/platform';
import type { Command } from 'commander';
import { openConfiguration } from '../connection.js';
import { putToolsOnPath, runStdioHost } from '../embedded/embedded-children.js';
import { say } from '../terminal.js';

/** `sallyport stdio-host`: the children of stdio upstreams in a process of their own, for gateways that have replicas. */
export const addStdioHostCommand = (program: Command): void => {
  program
    .command('stdio-host')
    .description('run the stdio servers of the configuration for gateways that run elsewhere')
    .option('--config <file>', 'the configuration', 'sallyport.yaml')
    .action(async (options: { config: string }) => {
      putToolsOnPath();
      const { configuration, dataFolder } = await openConfiguration(options.config);
      const { host, port, secret } = configuration.stdioHost;
      if (secret === undefined)
        throw new AppError('configuration.invalid', 'set SALLYPORT_STDIO_HOST_SECRET: gateway and stdio host share it');
      const children = await runStdioHost(configuration, dataFolder, { host, port, secret }, say);
      say(`stdio host on port ${children.host.port}; Ctrl-C stops it and its servers`);
      await stopOnSignals({ health: new HealthRegistry(), drainTimeoutMs: 0, close: () => children.host.close() });
    });
};
