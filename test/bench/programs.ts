import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { LoadJob, LoadMessage, LoadOrder, LoadResult } from './load-protocol.ts';

const START_TIMEOUT_MS = 20_000;

const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};

/** The fixture upstream, in a process of its own. */
export interface BenchUpstream {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** Starts it and resolves when it listens. */
export const startUpstream = async (): Promise<BenchUpstream> => {
  const child = fork(programAt('./upstream.ts'));
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const [message]: unknown[] = await once(child, 'message', { signal });
  return {
    url: z.object({ url: z.string() }).parse(message).url,
    pid: child.pid ?? 0,
    close: async () => {
      child.disconnect();
      await ended(child);
    },
  };
};

/** What is done at the borders of the measured window. */
export interface LoadWatch {
  onBegun?(): void;
  onProgress?(made: number): void;
  onEnded?(): void;
}

/** A load generator whose sessions are still open. */
export interface FinishedLoad {
  readonly result: LoadResult;
  /** Ends the sessions and the process. */
  close(): Promise<void>;
}

/** Runs a load in a process of its own. Throws when its sessions do not open; failed calls are in the result. */
export const runLoad = async (job: LoadJob, watch: LoadWatch = {}): Promise<FinishedLoad> => {
  const child = fork(programAt('./load.ts'));
  const order = (message: LoadOrder): void => void child.send(message);
  const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
  child.once('exit', (code, signal) => reject(new Error(`the load generator ended (${code ?? signal})`)));
  child.on('message', (message: LoadMessage) => {
    if (message.type === 'begun') watch.onBegun?.();
    if (message.type === 'progress') watch.onProgress?.(message.made);
    if (message.type === 'ended') watch.onEnded?.();
    if (message.type === 'result') resolve(message.result);
    if (message.type === 'failed') reject(new Error(`the load generator failed: ${message.message}`));
  });
  order({ type: 'run', job });
  try {
    const result = await promise;
    return {
      result,
      close: async () => {
        order({ type: 'close' });
        await ended(child);
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
};
