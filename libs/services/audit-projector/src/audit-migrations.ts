import { consumptionMigrations } from '@sallyport/log';
import type { MigrationClass } from '@sallyport/platform';
import { CreateRecord1795261000000 } from './migrations/1795261000000-create-record.js';
import { SearchMeasureAndProveCalls1795270000000 } from './migrations/1795270000000-search-measure-and-prove-calls.js';
import { FindLogins1795280000000 } from './migrations/1795280000000-find-logins.js';
import { KeepEntriesInLine1795290000000 } from './migrations/1795290000000-keep-entries-in-line.js';
import { RecordWithoutDigest1795300000000 } from './migrations/1795300000000-record-without-digest.js';
import { SampleFewEntries1795310000000 } from './migrations/1795310000000-sample-few-entries.js';

/** Name of the schema, and of the service where databases are provisioned. */
export const AUDIT_SCHEMA = 'audit_projector';

/** Everything the audit projector's schema needs, in order. */
export const auditMigrations = (): MigrationClass[] => [
  ...consumptionMigrations(),
  CreateRecord1795261000000,
  SearchMeasureAndProveCalls1795270000000,
  FindLogins1795280000000,
  KeepEntriesInLine1795290000000,
  RecordWithoutDigest1795300000000,
  SampleFewEntries1795310000000,
];
