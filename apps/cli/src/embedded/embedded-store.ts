import { AppError } from '@sallyport/contracts';
import {
  type EmbeddedPostgres,
  LOG_SCHEMA,
  provisionServices,
  type SallyportConfiguration,
  type ServiceUrls,
  startEmbeddedPostgres,
} from '@sallyport/platform';

/** Schemas of the embedded default; the log is one of them. */
const SCHEMAS = [
  LOG_SCHEMA,
  'edge_gateway',
  'policy_decision',
  'budget_accountant',
  'approval',
  'audit_projector',
  'authorization_server',
] as const;
type Schema = (typeof SCHEMAS)[number];

/** PostgreSQL of the one process: its own, or the one of `DATABASE_URL`. */
export interface EmbeddedStore {
  /** Where the service of a schema connects. */
  urlsOf(schema: Schema): ServiceUrls;
  /** Stops PostgreSQL when it is our own. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL, unless the configuration names a database, and gives each service its schema and roles.
 * Throws the codes of `startEmbeddedPostgres` and `provisionServices`; nothing keeps running then.
 */
export const openEmbeddedStore = async (
  { database }: SallyportConfiguration,
  onProgress: (line: string) => void,
): Promise<EmbeddedStore> => {
  let postgres: EmbeddedPostgres | undefined;
  if (database.url === undefined) postgres = await startEmbeddedPostgres({ dataDir: database.embeddedFolder, onProgress });
  try {
    const urls = await provisionServices(
      database.url ?? postgres?.localUrl() ?? '',
      SCHEMAS.map((service) => ({ service, usesLog: service !== LOG_SCHEMA && service !== 'authorization_server' })),
    );
    return {
      urlsOf: (schema) => {
        const found = urls.get(schema);
        if (found === undefined) throw new AppError('store.start-failed', `no role for ${schema}`);
        return found;
      },
      stop: async () => await postgres?.stop(),
    };
  } catch (error) {
    await postgres?.stop();
    throw error;
  }
};
