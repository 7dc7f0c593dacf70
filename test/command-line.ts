/** Words of a list with commas, in the order of `known`. Throws with one line that says what does not fit. */
export const listOf = <T extends string>(name: string, text: string, known: readonly T[]): readonly T[] => {
  const words = text.split(',');
  const found = known.filter((word) => words.includes(word));
  const strange = words.filter((word) => !known.some((item) => item === word));
  if (strange.length > 0 || found.length === 0) throw new RangeError(`--${name} takes some of ${known.join(',')}, not ${text}`);
  return found;
};

/** Throws with one line that says what does not fit. */
export const numberOf = (name: string, text: string, least: number): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value < least) throw new RangeError(`--${name} takes a number from ${least}, not ${text}`);
  return value;
};

/** Throws with one line that says what does not fit. */
export const countOf = (name: string, text: string, least: number): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new RangeError(`--${name} takes a whole number from ${least}, not ${text}`);
  return value;
};

/** Runs a command with the options of this process: 2 and its usage for options that do not fit, else what `run` says. */
export const runCommand = async <O>(
  usage: string,
  parse: (args: readonly string[]) => O | 'help',
  run: (options: O) => Promise<number>,
): Promise<void> => {
  let options: O | 'help';
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (options === 'help') process.stdout.write(usage);
  else process.exitCode = await run(options);
};
