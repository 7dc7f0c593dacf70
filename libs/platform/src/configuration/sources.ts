import { join } from 'node:path';
import type { Service } from '@sallyport/contracts';
import type { ServiceUrls } from '../database/provisioning.js';
import { rootKeyFromEnvironment, rootKeyFromFile } from '../sealing/root-key.adapters.js';
import type { RootKey } from '../sealing/root-key.port.js';
import type { SallyportConfiguration } from './schema.js';

const DEFAULT_VARIABLE = 'SALLYPORT_ROOT_KEY';

export interface RootKeyPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the embedded default's data (`.sallyport`), where a root key is made when the configuration names none. */
  readonly dataFolder?: string;
}

/**
 * The root key as the configuration says: its file, its variable, else SALLYPORT_ROOT_KEY, else the embedded default's own file, made when
 * missing. Throws `configuration.invalid` when there is none.
 */
export const rootKeyOfConfiguration = (
  { sealing }: Pick<SallyportConfiguration, 'sealing'>,
  { env, dataFolder }: RootKeyPlace,
): RootKey => {
  if (sealing.rootKeyFile !== undefined) return rootKeyFromFile(sealing.rootKeyFile);
  const variable = sealing.rootKeyEnv ?? DEFAULT_VARIABLE;
  if (sealing.rootKeyEnv !== undefined || dataFolder === undefined || (env[variable] ?? '') !== '')
    return rootKeyFromEnvironment(variable, env);
  return rootKeyFromFile(join(dataFolder, 'keys', 'root.key'), { createWhenMissing: true });
};

/**
 * Where a service (or the log) connects when it has an address of its own; `undefined` when it has not, and the one database of all
 * (`database.url`, else the embedded one) is to be provisioned for it.
 */
export const ownUrlsOf = (
  { database, log }: Pick<SallyportConfiguration, 'database' | 'log'>,
  service: Service | 'log',
): ServiceUrls | undefined => {
  const url = service === 'log' ? log.postgres.url : database.urls[service];
  if (url === undefined) return undefined;
  const migrationsUrl = service === 'log' ? log.postgres.migrationsUrl : database.migrationsUrls[service];
  return { url, migrationsUrl: migrationsUrl ?? url };
};
