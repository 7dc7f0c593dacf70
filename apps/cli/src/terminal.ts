import pc from 'picocolors';

/** Colours where a person looks, plain text elsewhere (picocolors honours NO_COLOR, FORCE_COLOR and what stdout is). */
export const paint = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);

/** Prints one line for people. */
export const say = (line = ''): void => void process.stdout.write(`${line}\n`);

/** Prints one JSON document for machines. */
export const sayJson = (value: unknown): void => say(JSON.stringify(value));

/** Prints a fault to stderr: what happened and what to do, one line each. */
export const complain = (line: string): void => void process.stderr.write(`${line}\n`);

/** Steps of something that takes a while: one line each, rewritten in place on a terminal. */
export class Progress {
  readonly #interactive = process.stderr.isTTY === true;
  readonly #startedAt = performance.now();

  step(text: string): void {
    const line = `  ${text} …`;
    process.stderr.write(this.#interactive ? `\r\u001b[2K${line}` : `${line}\n`);
  }

  done(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1);
    process.stderr.write(`${this.#interactive ? '\r\u001b[2K' : ''}  ${text} (${seconds} s)\n`);
  }
}
