import type { DestinationStream } from 'pino';
import { z } from 'zod';

const Line = z.looseObject({ time: z.string(), level: z.string(), service: z.string(), message: z.string().default('') });

/** Turns each JSON line into a short one: time of day, level where it is not `info`, service, message, and the rest as `name=value`. */
export const prettyDestination = (to: DestinationStream): DestinationStream => ({
  write: (text) => {
    to.write(`${prettyLine(text)}\n`);
  },
});

const prettyLine = (text: string): string => {
  const parsed = Line.safeParse(JSON.parse(text));
  if (!parsed.success) return text.trimEnd();
  const { time, level, service, message, ...rest } = parsed.data;
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${name === 'err' ? shortError(value) : typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [time.slice(11, 19), ...(level === 'info' ? [] : [level.toUpperCase()]), service, message, ...fields].join(' ');
};

const ErrorLine = z.looseObject({ type: z.string(), code: z.string().optional(), message: z.string().optional() });

/** A stack has no room in one line; its place is the JSON. */
const shortError = (value: unknown): string => {
  const parsed = ErrorLine.safeParse(value);
  if (!parsed.success) return JSON.stringify(value);
  const { type, code, message } = parsed.data;
  return message === undefined ? (code ?? type) : `${code ?? type}: ${message}`;
};
