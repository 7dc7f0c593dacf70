// `npm run bench`: what a call costs through the product, beside the same call straight to the server.
import { runCommand } from '../command-line.ts';
import { parseOptions, USAGE } from './options.ts';

await runCommand(USAGE, parseOptions, async (options) => (await import('./run.ts')).runBench(options));
