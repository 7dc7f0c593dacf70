import type { MigrationClass } from '@sallyport/platform';
import { CreateConsumption1795260000000 } from './migrations/1795260000000-create-consumption.js';

/** Migrations that every service which consumes or publishes lists beside its own: `consumer_position`, `poisoned_chain`, `outbox`. */
export const consumptionMigrations = (): MigrationClass[] => [CreateConsumption1795260000000];
