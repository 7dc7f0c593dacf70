import { resolve } from 'node:path';
import type { Service } from '@sallyport/contracts';
import { isAppError } from '@sallyport/contracts';
import { createLogger, loadConfiguration, stopOnSignals } from '@sallyport/platform';
import { openEventLog } from '../open-event-log.js';
import { type ServicePart, startServiceApplication } from './service-application.js';
import { openProcessRuntime, type ProcessRuntime } from './service-runtime.js';

const CONFIGURATION_VARIABLE = 'SALLYPORT_CONFIG';

/**
 * Runs one service as a process of its own until it is told to stop: configuration from `SALLYPORT_CONFIG` (default `sallyport.yaml`), the log
 * it names, health, drain. Ends the process with 1 and one line on standard error when it cannot start.
 */
export const runService = async (service: Service, open: (runtime: ProcessRuntime) => Promise<ServicePart>): Promise<void> => {
  const logger = createLogger(service);
  try {
    const configuration = await loadConfiguration({
      file: resolve(process.env[CONFIGURATION_VARIABLE] ?? 'sallyport.yaml'),
      env: process.env,
    });
    const log = await openEventLog({
      configuration: configuration.log,
      service,
      appendTimeoutMs: configuration.gateway.decisionTimeoutMs,
      report: ({ error, ...fault }) => logger.warn({ ...fault, position: fault.position?.toString(), err: error }, 'log'),
    });
    const runtime = openProcessRuntime({ configuration, log, sharesProcess: false });
    const part = await open(runtime);
    const { host, port, drainTimeoutMs } = configuration.gateway;
    const app = await startServiceApplication({ parts: [part], health: runtime.health, host, port, logger });
    logger.info({ port }, 'ready');
    await stopOnSignals({
      health: runtime.health,
      drainTimeoutMs,
      close: async () => {
        await app.close();
        await log.close();
        await part.runtime.close();
      },
    });
  } catch (error) {
    process.stderr.write(
      `${service}: ${isAppError(error) ? `${error.message} (${error.code})` : error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exit(1);
  }
};
