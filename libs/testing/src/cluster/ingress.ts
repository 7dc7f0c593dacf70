import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_FOLDER } from './cluster-folder.js';
import { until } from './until.js';

const PLACES = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];

/** Where nginx is: `SALLYPORT_TEST_NGINX`, else where systems put it; `null` where there is none. */
export const nginxProgram = (): string | null => {
  const named = process.env.SALLYPORT_TEST_NGINX;
  return [...(named === undefined ? [] : [named]), ...PLACES].find((place) => existsSync(place)) ?? null;
};

/** nginx with the shipped configuration before the services of a cluster. */
export class Ingress {
  private constructor(private readonly child: ChildProcess) {}

  /** Takes the names and the port of the shipped file for those of here, and nothing else. Throws with what nginx said when it does not start. */
  static async start(folder: string, port: number, services: ReadonlyMap<string, string>): Promise<Ingress> {
    const program = nginxProgram();
    if (program === null) throw new TypeError('nginx is not installed here');
    let text = readFileSync(join(ROOT_FOLDER, 'infra/ingress/nginx.conf'), 'utf8');
    for (const [service, url] of services) text = text.replace(`server ${service}:8080;`, `server ${new URL(url).host};`);
    text = text.replace('listen 8080;', `listen 127.0.0.1:${port};`).replaceAll('/tmp/sallyport-ingress', join(folder, 'ingress'));
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, text);
    const mayBeRoot = process.getuid?.() === 0 ? ' user root;' : '';
    const child = spawn(program, ['-c', file, '-g', `daemon off;${mayBeRoot}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
    await until('the ingress passes requests on', async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said.join('')}`);
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
      return answer?.ok === true ? true : undefined;
    });
    return new Ingress(child);
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGQUIT');
    const force = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(force);
  }
}
