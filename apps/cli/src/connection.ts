import { dirname, join, resolve } from 'node:path';
import { AUTHORIZATION_PATH, DevelopmentIssuer } from '@sallyport/authorization-server';
import { loadConfiguration, type SallyportConfiguration } from '@sallyport/platform';
import type { Command } from 'commander';
import { ApiClient, ApiFault } from './api-client.js';
import { tokenOf } from './gateway-login.js';
import { StoredLogins } from './stored-logins.js';

/** Options of every command that talks to a running Sallyport. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly token?: string;
  readonly as?: string;
  readonly config: string;
  readonly json?: boolean;
}

/** Adds the connection options to a command. */
export const withConnectionOptions = (command: Command): Command =>
  command
    .option('--url <address>', 'the gateway (or SALLYPORT_URL); the one of the configuration when not given')
    .option(
      '--token <token>',
      'an access token (or SALLYPORT_TOKEN); that of your login (sallyport login), or a development token, when not given',
    )
    .option('--as <person>', 'use a development token of this person; of grace when you are not logged in')
    .option('--config <file>', 'the configuration', 'sallyport.yaml')
    .option('--json', 'print JSON for machines');

/** A configuration with the folder that keeps the data of the embedded default. */
export interface OpenedConfiguration {
  readonly configuration: SallyportConfiguration;
  /** `.sallyport` beside the configuration file. */
  readonly dataFolder: string;
}

/** Reads and checks the configuration. Throws `configuration.invalid` with every fault. */
export const openConfiguration = async (file: string): Promise<OpenedConfiguration> => {
  const path = resolve(file);
  return { configuration: await loadConfiguration({ file: path, env: process.env }), dataFolder: join(dirname(path), '.sallyport') };
};

/** Where the development issuer keeps its keys. */
export const issuerFolderOf = (dataFolder: string): string => join(dataFolder, 'development-issuer');

/** The issuer of this machine: whose tokens `sallyport token` signs and the authorization server of `sallyport start` hands out. */
export const developmentIssuerOf = ({ gateway }: Pick<SallyportConfiguration, 'gateway'>): string =>
  `${gateway.publicUrl}${AUTHORIZATION_PATH}`;

/** Whether a configuration trusts the issuer of this machine (`identity.issuers` with `/authorization`). */
export const trustsDevelopmentIssuer = (configuration: SallyportConfiguration): boolean =>
  configuration.identity.issuers.some(({ issuer }) => issuer === developmentIssuerOf(configuration));

/** Who a token of the development issuer is wanted for. */
export interface TokenWish {
  readonly subject: string;
  readonly agent: string | null;
  readonly tenantId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly ttlSeconds?: number;
  readonly workflow?: string | undefined;
}

/**
 * Signs a token of the development issuer. Without scopes it carries those that the person and the agent share by the configuration.
 * Throws `ApiFault` for a person, agent or tenant the configuration does not name.
 */
export const mintDevelopmentToken = async (configFile: string, wish: TokenWish): Promise<string> => {
  const { configuration, dataFolder } = await openConfiguration(configFile);
  if (!trustsDevelopmentIssuer(configuration)) {
    throw new ApiFault('This configuration trusts no development issuer: get a token from your identity provider.', 'cli.no-issuer');
  }
  const tenantId = wish.tenantId ?? configuration.tenants[0]?.id;
  if (tenantId === undefined || !configuration.tenants.some(({ id }) => id === tenantId)) {
    throw new ApiFault(`There is no tenant ${tenantId ?? ''} in the configuration.`, 'cli.unknown-tenant');
  }
  const people = configuration.identity.users.filter((user) => user.tenant === tenantId);
  const person = people.find(({ id }) => id === wish.subject);
  if (person === undefined)
    throw new ApiFault(
      `There is no ${wish.subject} in ${tenantId}. Known: ${people.map(({ id }) => id).join(', ')}.`,
      'cli.unknown-person',
    );
  const agents = configuration.identity.agents.filter((agent) => agent.tenant === tenantId);
  const agent = wish.agent === null ? null : agents.find(({ id }) => id === wish.agent);
  if (agent === undefined)
    throw new ApiFault(
      `There is no agent ${wish.agent ?? ''} in ${tenantId}. Known: ${agents.map(({ id }) => id).join(', ')}.`,
      'cli.unknown-agent',
    );
  const shared = agent === null ? person.scopes : person.scopes.filter((scope) => agent.scopes.includes(scope));
  const issuer = await DevelopmentIssuer.open(issuerFolderOf(dataFolder), developmentIssuerOf(configuration));
  return await issuer.sign({
    subject: wish.subject,
    agent: wish.agent,
    tenantId,
    scopes: wish.scopes ?? shared,
    audience: configuration.gateway.publicUrl,
    ttlSeconds: wish.ttlSeconds ?? 3600,
    ...(wish.workflow === undefined ? {} : { workflow: wish.workflow }),
  });
};

/** The gateway that the options name: by address, by `SALLYPORT_URL`, or by the configuration. */
export const gatewayUrlOf = async ({ url, config }: Pick<ConnectionOptions, 'url' | 'config'>): Promise<string> =>
  url ?? process.env.SALLYPORT_URL ?? (await openConfiguration(config)).configuration.gateway.publicUrl;

/**
 * A client for the gateway that the options name, as whom they say: with a token, as a person of the development issuer, else as who is logged in
 * (`sallyport login`), else as grace of the development issuer.
 */
export const connect = async (options: ConnectionOptions): Promise<ApiClient> => {
  const url = await gatewayUrlOf(options);
  const given = options.token ?? process.env.SALLYPORT_TOKEN;
  if (given !== undefined) return new ApiClient(url, given);
  const logins = new StoredLogins();
  const login = options.as === undefined ? await logins.find(url) : undefined;
  if (login !== undefined) return new ApiClient(url, await tokenOf(url, login, logins));
  return new ApiClient(url, await mintDevelopmentToken(options.config, { subject: options.as ?? 'grace', agent: null }));
};
