const MARK = 'memory in use, bytes: ';

/** The line by which a program tells how many bytes it has in use. */
export const memoryLine = (bytes: number): string => `${MARK}${bytes}`;

/** How many bytes a program had in use, each time it told so. */
export const memoryIn = (lines: readonly string[]): readonly number[] =>
  lines.flatMap((line) => {
    const at = line.indexOf(MARK);
    return at < 0 ? [] : [Number.parseInt(line.slice(at + MARK.length), 10)];
  });
