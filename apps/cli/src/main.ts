import { isAppError } from '@sallyport/contracts';
import { Command } from 'commander';
import { ApiFault } from './api-client.js';
import { addApprovalCommands } from './commands/approval.command.js';
import { addAuditCommands } from './commands/audit.command.js';
import { addCallCommands } from './commands/call.command.js';
import { addCatalogCommands } from './commands/catalog.command.js';
import { addConfigurationCommand } from './commands/configuration.command.js';
import { addControlCommands } from './commands/control.command.js';
import { addDatabaseCommand } from './commands/database.command.js';
import { addDemoCommand } from './commands/demo.command.js';
import { addLoginCommands } from './commands/login.command.js';
import { addPolicyCommands } from './commands/policy.command.js';
import { addStartCommand } from './commands/start.command.js';
import { addStdioHostCommand } from './commands/stdio-host.command.js';
import { addTokenCommand } from './commands/token.command.js';
import { complain } from './terminal.js';

const program = new Command('sallyport')
  .description('Every tool call an agent makes: decided, inspected and on record.')
  .showHelpAfterError('(add --help for usage)');

addStartCommand(program);
addDemoCommand(program);
addLoginCommands(program);
addTokenCommand(program);
addApprovalCommands(program);
addAuditCommands(program);
addCallCommands(program);
addPolicyCommands(program);
addCatalogCommands(program);
addControlCommands(program);
addStdioHostCommand(program);
addConfigurationCommand(program);
addDatabaseCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  complain(faultLine(error));
  process.exitCode = 1;
}

/** What a person at the terminal is told: one line that says what to do, and the code to look up. A fault that is a bug keeps its stack. */
function faultLine(error: unknown): string {
  if (error instanceof ApiFault) return error.message;
  if (isAppError(error)) return `${error.message} (${error.code})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
