import { SERVICES } from '@sallyport/contracts';
import { LOG_SCHEMA, provisionServices } from '@sallyport/platform';
import type { Command } from 'commander';
import { say, sayJson } from '../terminal.js';

/** `sallyport database provision`: a schema and two roles for each service in a PostgreSQL of yours. */
export const addDatabaseCommand = (program: Command): void => {
  program
    .command('database')
    .description('prepare a PostgreSQL of yours')
    .command('provision')
    .description('make a schema and roles for each service and print their addresses as variables; passwords are new each time')
    .requiredOption('--url <address>', 'a role that may create roles: postgresql://…', process.env.DATABASE_URL)
    .option('--json', 'print JSON for machines')
    .action(async (options: { url: string; json?: boolean }) => {
      const schemas = [LOG_SCHEMA, ...SERVICES.map((service) => service.replaceAll('-', '_'))];
      const urls = await provisionServices(
        options.url,
        schemas.map((service) => ({ service, usesLog: service !== LOG_SCHEMA })),
      );
      const variables = Object.fromEntries(
        [...urls].flatMap(([schema, { url, migrationsUrl }]) => [
          [`SALLYPORT_${schema.toUpperCase()}_DATABASE_URL`, url],
          [`SALLYPORT_${schema.toUpperCase()}_MIGRATIONS_DATABASE_URL`, migrationsUrl],
        ]),
      );
      if (options.json) return sayJson(variables);
      for (const [name, value] of Object.entries(variables)) say(`${name}=${value}`);
    });
};
