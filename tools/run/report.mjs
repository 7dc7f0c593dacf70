// What the tools say and how: lines that replace each other on a terminal, one line per fact elsewhere.

/** Ends a command with one line that says what to do. Never a stack: the reader is not a developer of the tools. */
export class Refusal extends Error {}

export const say = (line = '') => void process.stdout.write(`${line}\n`);
export const complain = (line) => void process.stderr.write(`${line}\n`);

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Seconds since a mark of `performance.now()`, with one decimal. */
export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Shows that something is going on until `done` or `clear` is called: a spinner on a terminal, elsewhere a line at the start and one every 15 s.
 * `detail` is asked for each time and may say how far it is.
 */
export const progress = (text, detail = () => '') => {
  const startedAt = performance.now();
  const interactive = process.stderr.isTTY === true && process.env.CI === undefined;
  const soFar = () => `${detail()} · ${Math.round((performance.now() - startedAt) / 1000)} s`;
  let frame = 0;
  if (!interactive) complain(`${text} …`);
  const timer = setInterval(
    () => {
      frame += 1;
      if (interactive) process.stderr.write(`\r\u001b[2K${FRAMES[frame % FRAMES.length]} ${text}${soFar()}`);
      else complain(`  …${soFar()}`);
    },
    interactive ? 100 : 15_000,
  );
  const clear = () => {
    clearInterval(timer);
    if (interactive) process.stderr.write('\r\u001b[2K');
  };
  const done = (result) => {
    clear();
    complain(`${result} (${seconds(startedAt)})`);
  };
  return { clear, done };
};
