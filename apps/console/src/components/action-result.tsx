import { Notification } from '@mantine/core';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { type ReactNode, useSyncExternalStore } from 'react';
import { ApiFault } from '../api/api-fault.js';
import classes from './action-result.module.css';

/** What an action did, in the past tense: `Rejected: fs/move_file for ada will not be sent.` */
export interface ActionResult {
  readonly title: string;
  readonly detail?: ReactNode;
}

interface Shown extends ActionResult {
  readonly id: number;
  readonly isFault: boolean;
}

const SHOWN_MAX = 3;
const SHOWN_MS = 12_000;

let shown: readonly Shown[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

const show = (next: readonly Shown[]): void => {
  shown = next;
  for (const listener of listeners) listener();
};

const dismiss = (id: number): void => show(shown.filter((one) => one.id !== id));

const add = (result: ActionResult, isFault: boolean): void => {
  lastId += 1;
  const id = lastId;
  show([...shown, { ...result, id, isFault }].slice(-SHOWN_MAX));
  // What failed stays until it was read.
  if (!isFault) setTimeout(() => dismiss(id), SHOWN_MS);
};

/** Says what an action did. Every action says something. */
export const reportDone = (result: ActionResult): void => add(result, false);

/** Says that an action did not happen, and why. `title` in the past tense: `Not rejected`. */
export const reportFault = (title: string, error: unknown): void =>
  add(
    { title, detail: error instanceof ApiFault ? `${error.message} (${error.code})` : 'The console itself failed. Reload the page.' },
    true,
  );

/** Where results are shown, and read out; once, in the shell. */
export const ActionResults = () => {
  const results = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
  return (
    <section className={classes.results} aria-label="What actions did" aria-live="polite">
      {results.map(({ id, title, detail, isFault }) => (
        <Notification
          key={id}
          title={title}
          color={isFault ? 'red.8' : 'green.8'}
          icon={isFault ? <IconAlertTriangle size={18} /> : <IconCheck size={18} />}
          onClose={() => dismiss(id)}
          closeButtonProps={{ 'aria-label': 'Dismiss' }}
          withBorder
          styles={{ description: { color: 'var(--mantine-color-text)' } }}
        >
          {detail}
        </Notification>
      ))}
    </section>
  );
};
