// `npm run faults`: what becomes of calls when the processes that carry them are killed.
import { runCommand } from '../command-line.ts';
import { parseOptions, USAGE } from './campaign/options.ts';

await runCommand(USAGE, parseOptions, async (options) => (await import('./campaign/run.ts')).runFaults(options));
