import type { Command } from 'commander';
import { decodeJwt } from 'jose';
import { gatewayUrlOf } from '../connection.js';
import { logIn, takeBack } from '../gateway-login.js';
import { StoredLogins } from '../stored-logins.js';
import { paint, say, sayJson } from '../terminal.js';

/** What the commands may need; the person may have less. */
const SCOPES = 'openid offline_access tools:read tools:write sallyport:audit sallyport:operate sallyport:approve';

interface LoginOptions {
  readonly url?: string;
  readonly config: string;
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scope: string;
  readonly json?: boolean;
}

/** `sallyport login` and `sallyport logout`: as oneself at a gateway, with a browser of any machine. */
export const addLoginCommands = (program: Command): void => {
  const about = (command: Command): Command =>
    command
      .option('--url <address>', 'the gateway (or SALLYPORT_URL); the one of the configuration when not given')
      .option('--config <file>', 'the configuration', 'sallyport.yaml')
      .option('--json', 'print JSON for machines');
  about(program.command('login').description('log in with your browser; the other commands then act as you'))
    .option('--issuer <address>', 'who to log in at; who the gateway names first when not given')
    .option('--client-id <id>', 'how the command line is known there; sallyport-cli when not given')
    .option('--scope <scopes>', 'what to ask for, separated by spaces', SCOPES)
    .action(login);
  about(program.command('logout').description('forget a login and take it back where it was made')).action(logout);
};

const login = async (options: LoginOptions): Promise<void> => {
  const url = await gatewayUrlOf(options);
  const broken = new AbortController();
  const onSignal = (): void => broken.abort();
  process.once('SIGINT', onSignal);
  try {
    const stored = await logIn({
      ...{ url, issuer: options.issuer, clientId: options.clientId, signal: broken.signal },
      scopes: options.scope.split(/\s+/).filter((scope) => scope !== ''),
      onCode: ({ address, code, expiresInSeconds }) => {
        if (options.json === true) return sayJson({ address, code, expiresInSeconds });
        say(`Open ${paint.bold(address)}`);
        say(
          `and see that it shows ${paint.bold(code)}. Waiting for you, ${Math.round(expiresInSeconds / 60)} minutes at most (Ctrl-C to stop).`,
        );
      },
    });
    await new StoredLogins().put(url, stored);
    const { sub, scope } = decodeJwt<{ scope?: string }>(stored.accessToken);
    if (options.json === true) sayJson({ url, subject: sub, scopes: scope?.split(' ') ?? [], issuer: stored.issuer });
    else say(`You are ${paint.bold(sub ?? '')} at ${url} now: ${scope ?? 'no scopes'}. End it with: sallyport logout`);
  } finally {
    process.off('SIGINT', onSignal);
  }
};

const logout = async (options: LoginOptions): Promise<void> => {
  const url = await gatewayUrlOf(options);
  const logins = new StoredLogins();
  const stored = await logins.find(url);
  const isTakenBack = stored !== undefined && (await takeBack(stored));
  await logins.remove(url);
  if (options.json === true) return sayJson({ url, wasLoggedIn: stored !== undefined, isTakenBack });
  if (stored === undefined) return say(`You were not logged in at ${url}.`);
  say(
    isTakenBack
      ? `You are logged out at ${url}. A token that somebody copied is good until its hour is over, and is not renewed.`
      : `This machine has forgotten your login at ${url}; its authorization server did not take it back.`,
  );
};
