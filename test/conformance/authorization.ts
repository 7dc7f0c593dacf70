import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { nextOf, ScriptlessBrowser } from '@sallyport/testing';
import { freePort } from './free-port.ts';
import { PACKAGE_PROGRAM, type Scenario, scenariosIn } from './suite.ts';

/** What the suite asks of an authorization server: both of its scenarios are required. */
const REQUIRED: readonly string[] = ['authorization-server-metadata-endpoint', 'authorization-code-grant'];

export interface AuthorizationRun {
  readonly exitCode: number;
  readonly scenarios: readonly Scenario[];
  readonly output: string;
}

/** Runs the suite against the authorization server of a gateway: registers a client, and does in the browser what the suite asks a person to do. */
export const runAuthorizationSuite = async (gatewayUrl: string, folder: string): Promise<AuthorizationRun> => {
  const issuer = `${gatewayUrl}/authorization`;
  const port = await freePort();
  const registered = await fetch(`${issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'conformance', redirect_uris: [`http://127.0.0.1:${port}/callback`] }),
  });
  const { client_id } = (await registered.json()) as { client_id: string };
  const child = spawn(
    process.execPath,
    [
      PACKAGE_PROGRAM,
      'authorization',
      '--url',
      issuer,
      '--client-id',
      client_id,
      '--resource',
      `${gatewayUrl}/mcp`,
      '--port',
      String(port),
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`;
      if (line.startsWith(`${issuer}/auth?`)) void logIn(gatewayUrl, line).catch((error: unknown) => child.emit('error', error));
    });
  }
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', (error) => {
      child.kill('SIGKILL');
      reject(error);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
  return { exitCode, scenarios: scenariosIn(output, REQUIRED), output };
};

/** Follows the pages of a login until they lead back to the client, as somebody who agrees. */
const logIn = async (gatewayUrl: string, address: string): Promise<void> => {
  const browser = new ScriptlessBrowser(gatewayUrl);
  let at = new URL(address);
  while (at.origin === gatewayUrl) {
    const path = `${at.pathname}${at.search}`;
    const shown = await browser.get(path);
    const answered = shown.status === 200 ? await browser.post(path, { person: 'acme:ada', agent: 'suite', answer: 'allow' }) : shown;
    at = new URL(await nextOf(answered), gatewayUrl);
  }
  await fetch(at);
};
