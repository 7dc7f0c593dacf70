import { z } from 'zod';
import { approvalsSchema } from './sections/approvals.schema.js';
import { budgetSchema } from './sections/budget.schema.js';
import { consoleSchema } from './sections/console.schema.js';
import { gatewaySchema } from './sections/gateway.schema.js';
import { identitySchema, tenantsSchema } from './sections/identity.schema.js';
import {
  auditSchema,
  catalogSchema,
  databaseSchema,
  logSchema,
  policiesSchema,
  sealingSchema,
  telemetrySchema,
} from './sections/stores.schema.js';
import { stdioHostSchema, upstreamsSchema } from './sections/upstreams.schema.js';
import { type ConfigurationContext, configurationValues } from './values.js';

/** One schema per section of `sallyport.yaml`, in the order of the reference. */
export const configurationSections = (context: ConfigurationContext) => {
  const values = configurationValues(context);
  return {
    tenants: tenantsSchema(),
    identity: identitySchema(values),
    gateway: gatewaySchema(values),
    console: consoleSchema(values),
    upstreams: upstreamsSchema(values),
    stdioHost: stdioHostSchema(values),
    policies: policiesSchema(values),
    catalog: catalogSchema(values),
    approvals: approvalsSchema(),
    budget: budgetSchema(),
    log: logSchema(values),
    database: databaseSchema(values),
    sealing: sealingSchema(values),
    audit: auditSchema(values),
    telemetry: telemetrySchema(),
  };
};

type Sections = ReturnType<typeof configurationSections>;
export type SectionName = keyof Sections;

/** The whole configuration, valid, defaults filled in, references resolved, paths absolute. */
export type SallyportConfiguration = { readonly [Name in SectionName]: z.output<Sections[Name]> };

/** The schema as JSON Schema 2020-12, for editors and the reference. */
export const configurationJsonSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(z.strictObject(configurationSections({ env: {}, folder: '/' })), { io: 'input' }),
  title: 'sallyport.yaml',
});
