import { readFile } from 'node:fs/promises';
import { AppError } from '@sallyport/contracts';
import type { SallyportConfiguration } from '@sallyport/platform';
import type { ConsoleSettings, LoginProvider } from './console-settings.js';

const SECRET_CHARS_MAX = 4_096;

/**
 * The `console` section; `embedded` is a public client of the provider that stands in where it names none. Throws `configuration.invalid` for
 * a secret that cannot be read.
 */
export const consoleSettingsOf = async (
  { console, identity }: Pick<SallyportConfiguration, 'console' | 'identity'>,
  embedded: Pick<LoginProvider, 'issuer' | 'clientId'> | null,
): Promise<ConsoleSettings> => {
  const { issuer, clientId, scopes, claims, roles } = console;
  const client = issuer === undefined || clientId === undefined ? embedded : { issuer, clientId };
  const provider = client === null ? null : { ...client, clientSecret: await secretOf(console), scopes, claims, roles };
  const known = identity.issuers.find((trusted) => trusted.issuer === provider?.issuer);
  return {
    provider,
    loginSource: known?.tokenSource ?? 'console',
    idleSeconds: console.idleSeconds,
    lifetimeSeconds: console.lifetimeSeconds,
    sessionsMaxPerPerson: console.maxSessionsPerPerson,
  };
};

const secretOf = async ({ clientSecret, clientSecretFile }: SallyportConfiguration['console']): Promise<string | null> => {
  if (clientSecretFile === undefined) return clientSecret ?? null;
  const text = await readFile(clientSecretFile, 'utf8').catch((cause: unknown) => {
    throw new AppError('configuration.invalid', `console.clientSecretFile: ${clientSecretFile} cannot be read`, { cause });
  });
  const secret = text.trim();
  if (secret === '' || secret.length > SECRET_CHARS_MAX)
    throw new AppError('configuration.invalid', `console.clientSecretFile: ${clientSecretFile} holds no secret`);
  return secret;
};
