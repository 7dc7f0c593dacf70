import { createHash, randomBytes } from 'node:crypto';

/** What a gateway does at the step that a marked call names: `die` (SIGKILL) or `freeze` (SIGSTOP); `tell` names every step. */
export type Wish = 'die' | 'freeze' | 'tell';

const PREFIX = '5a11fa';
const WISHES = { die: '01', freeze: '02', tell: '03' } as const satisfies Record<Wish, string>;
const MARKED = new RegExp(`${PREFIX}(0[123])([0-9a-f]{8})[0-9a-f]{16}`);

const codeOf = (step: string): string => createHash('sha256').update(step).digest('hex').slice(0, 8);

/** The id of a trace that marks its call for the gateways that carry it. */
export const markedTrace = (wish: Wish, step = ''): string => `${PREFIX}${WISHES[wish]}${codeOf(step)}${randomBytes(8).toString('hex')}`;

/** The id of a marked trace within a text; `null` where there is none. */
export const markIn = (text: string): string | null => MARKED.exec(text)?.[0] ?? null;

/** What a marked trace wants of the one that comes to a step; `null`: to go on. */
export const wishOf = (traceId: string, step: string): Wish | null => {
  const [, flag, code] = MARKED.exec(traceId) ?? [];
  if (flag === WISHES.tell) return 'tell';
  if (code !== codeOf(step)) return null;
  return flag === WISHES.die ? 'die' : 'freeze';
};

const TOLD = /^fault-step (\S+) (.+)$/;

/** A line by which a gateway tells of a step. */
export const stepLine = (traceId: string, step: string): string => `fault-step ${traceId} ${step}`;

/** The steps of a trace among the lines of a process, in order. */
export const stepsIn = (lines: readonly string[], traceId: string): readonly string[] =>
  lines.flatMap((line) => {
    const [, trace, step] = TOLD.exec(line) ?? [];
    return trace === traceId && step !== undefined ? [step] : [];
  });
