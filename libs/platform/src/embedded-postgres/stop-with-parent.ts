/** Servers to stop when this process ends without having stopped them. */
const running = new Set<number>();

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const stopAll = (): void => {
  for (const pid of running) {
    try {
      process.kill(pid, 'SIGINT');
    } catch {
      // It ended by itself.
    }
  }
  running.clear();
};

const onSignal = (signal: NodeJS.Signals): void => {
  // Somebody else listens: they drain first and stop the server themselves.
  if (process.listenerCount(signal) > 1) return;
  stopAll();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
};

/** Ends the server with this process on every way out but `kill -9`, after which the next start adopts it. */
export const stopWithParent = (pid: number): void => {
  if (running.size === 0) {
    process.on('exit', stopAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  running.add(pid);
};

/** For a server that was stopped. */
export const forgetServer = (pid: number): void => {
  running.delete(pid);
  if (running.size > 0) return;
  process.off('exit', stopAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
};
