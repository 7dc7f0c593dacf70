import { createServer } from 'node:net';
import { AppError } from '@sallyport/contracts';

/** Throws `configuration.invalid` when nobody can listen there, before anything else is started. */
export const assertPortIsFree = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} is in use: is Sallyport running already?`
          : `cannot listen on ${host}:${port} (${error.code})`;
      reject(new AppError('configuration.invalid', `${reason} Choose another with SALLYPORT_PORT, e.g. SALLYPORT_PORT=8081 npm start`));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
