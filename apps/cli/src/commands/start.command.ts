import { mkdir } from 'node:fs/promises';
import { approvalPart } from '@sallyport/approval';
import { auditProjectorPart } from '@sallyport/audit-projector';
import { CONSOLE_CLIENT_ID } from '@sallyport/authorization-server';
import { budgetAccountantPart } from '@sallyport/budget-accountant';
import { edgeGatewayPart, signingKeyFromFile } from '@sallyport/edge-gateway';
import { openEventLog, openProcessRuntime, type ServicePart, startServiceApplication } from '@sallyport/log';
import { createLogger, LOG_SCHEMA, localKeySet, stopOnSignals } from '@sallyport/platform';
import { policyDecisionPart } from '@sallyport/policy-decision';
import type { Command } from 'commander';
import { issuerFolderOf, openConfiguration, trustsDevelopmentIssuer } from '../connection.js';
import { putToolsOnPath, startEmbeddedChildren } from '../embedded/embedded-children.js';
import { openLogin } from '../embedded/embedded-login.js';
import { openEmbeddedStore } from '../embedded/embedded-store.js';
import { assertPortIsFree } from '../embedded/free-port.js';
import { whenToolsArePinned } from '../embedded/pinned-tools.js';
import { fillSandbox } from '../embedded/sandbox.js';
import { welcome } from '../embedded/welcome.js';
import { Progress, say } from '../terminal.js';

/** `sallyport start`: all services in one process on the embedded log, with the children of stdio upstreams. */
export const addStartCommand = (program: Command): void => {
  program
    .command('start')
    .description('run everything in one process: gateway, decisions, record, stdio servers, PostgreSQL')
    .option('--config <file>', 'the configuration', 'sallyport.yaml')
    .action(async (options: { config: string }) => await start(options.config));
};

const start = async (configFile: string): Promise<void> => {
  const progress = new Progress();
  putToolsOnPath();
  const { configuration, dataFolder } = await openConfiguration(configFile);
  const { gateway } = configuration;
  await assertPortIsFree(gateway.host, gateway.port);

  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.reverse()) await close();
  };
  const logger = createLogger('sallyport', { pretty: process.stdout.isTTY === true });
  try {
    // Others may pass through (PostgreSQL runs as another account when root starts it); what is secret is closed by itself.
    await mkdir(dataFolder, { recursive: true, mode: 0o711 });
    await fillSandbox(dataFolder);
    progress.step('Starting PostgreSQL and the tool servers');
    const children = await startEmbeddedChildren(configuration, dataFolder, (line) => logger.error(line));
    if (children !== null) opened.push(() => children.host.close());
    const store = await openEmbeddedStore(configuration, (line) => progress.step(line));
    opened.push(() => store.stop());

    progress.step('Starting the services');
    const log = await openEventLog({
      configuration: configuration.log,
      service: 'edge-gateway',
      postgres: store.urlsOf(LOG_SCHEMA),
      otherProcesses: false,
      appendTimeoutMs: configuration.gateway.decisionTimeoutMs,
      report: ({ error, ...fault }) => logger.warn({ ...fault, position: fault.position?.toString(), err: error }, 'log'),
    });
    opened.push(() => log.close());
    const runtime = openProcessRuntime({
      configuration,
      log,
      dataFolder,
      sharesProcess: true,
      consoleKeys: localKeySet({ keys: [(await signingKeyFromFile(gateway.signingKeyFile)).publicJwk] }),
    });
    const login = trustsDevelopmentIssuer(configuration)
      ? await openLogin({ runtime, urls: store.urlsOf('authorization_server'), issuerFolder: issuerFolderOf(dataFolder) })
      : undefined;
    if (login !== undefined) opened.push(() => login.close());
    const parts: ServicePart[] = [];
    const add = async (opening: Promise<ServicePart>): Promise<void> => {
      const part = await opening;
      parts.push(part);
      opened.push(() => part.runtime.close());
    };
    await add(policyDecisionPart(runtime, store.urlsOf('policy_decision')));
    await add(budgetAccountantPart(runtime, store.urlsOf('budget_accountant')));
    await add(approvalPart(runtime, store.urlsOf('approval')));
    await add(auditProjectorPart(runtime, store.urlsOf('audit_projector')));
    const stdioHost =
      children === null
        ? undefined
        : { secret: children.secret, urlOf: (tenantId: string, server: string) => children.host.url(server, tenantId) };
    await add(
      edgeGatewayPart(runtime, {
        urls: store.urlsOf('edge_gateway'),
        ...(stdioHost === undefined ? {} : { stdioHost }),
        ...(login === undefined ? {} : { embeddedLogin: { issuer: login.issuer, clientId: CONSOLE_CLIENT_ID } }),
      }),
    );
    const app = await startServiceApplication({
      ...{ parts, health: runtime.health, host: gateway.host, port: gateway.port, logger },
      ...(login === undefined ? {} : { prepareHttp: (fastify) => login.prepareHttp(fastify) }),
    });
    opened.push(() => app.close());

    progress.step('Pinning the tools of the servers');
    const missing = await whenToolsArePinned(configuration, log);
    progress.done('Sallyport is running');
    for (const server of missing) say(`  The server ${server} has not answered yet: its tools join when it does.`);
    for (const line of welcome(gateway.publicUrl)) say(line);

    await stopOnSignals({
      health: runtime.health,
      drainTimeoutMs: gateway.drainTimeoutMs,
      onStopping: () => say('\nStopping: calls in flight end first. Ctrl-C again ends at once.'),
      close: closeAll,
    });
  } catch (error) {
    await closeAll().catch(() => {});
    throw error;
  }
};
