// `npm run faults`: what becomes of calls when the processes that carry them are killed.
import { type FaultOptions, parseOptions, USAGE } from './campaign/options.ts';

const optionsOf = (): FaultOptions | 'help' | undefined => {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
};

const options = optionsOf();
if (options === undefined) process.exitCode = 2;
else if (options === 'help') process.stdout.write(USAGE);
else {
  const { runFaults } = await import('./campaign/run.ts');
  process.exitCode = await runFaults(options);
}
