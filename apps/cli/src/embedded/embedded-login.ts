import {
  AUTHORIZATION_SERVER_MIGRATIONS,
  type AuthorizationServer,
  DevelopmentIssuer,
  openAuthorizationServer,
} from '@sallyport/authorization-server';
import type { ProcessRuntime } from '@sallyport/log';
import { openDatabase, type ServiceUrls } from '@sallyport/platform';
import { developmentIssuerOf } from '../connection.js';

export interface EmbeddedLoginOptions {
  readonly runtime: ProcessRuntime;
  readonly urls: ServiceUrls;
  /** Where the key of the development issuer is. */
  readonly issuerFolder: string;
}

/** The authorization server of this machine, with its own schema. Throws as `openDatabase` and `openAuthorizationServer` do. */
export const openLogin = async ({ runtime, urls, issuerFolder }: EmbeddedLoginOptions): Promise<AuthorizationServer> => {
  const { configuration, clock } = runtime;
  const issuer = await DevelopmentIssuer.open(issuerFolder, developmentIssuerOf(configuration));
  const database = await openDatabase({
    ...urls,
    schema: 'authorization_server',
    applicationName: 'sallyport-authorization-server',
    migrations: AUTHORIZATION_SERVER_MIGRATIONS,
    poolMax: 2,
    connectTimeoutMs: configuration.database.connectTimeoutMs,
    statementTimeoutMs: configuration.database.statementTimeoutMs,
  });
  try {
    const server = await openAuthorizationServer({
      ...{ configuration, database, clock },
      sealer: runtime.sealer(),
      signingKey: issuer.privateJwk,
      env: process.env,
    });
    return { ...server, close: () => server.close().then(() => database.close()) };
  } catch (error) {
    await database.close();
    throw error;
  }
};
