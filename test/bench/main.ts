// `npm run bench`: what a call costs through the product, beside the same call straight to the server.
import { type BenchOptions, parseOptions, USAGE } from './options.ts';

const optionsOf = (): BenchOptions | 'help' | undefined => {
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
  const { runBench } = await import('./run.ts');
  process.exitCode = await runBench(options);
}
