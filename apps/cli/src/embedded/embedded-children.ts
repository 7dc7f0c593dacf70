import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type StdioHost, startStdioHost } from '@sallyport/mcp';
import type { SallyportConfiguration } from '@sallyport/platform';
import { type ChildrenFile, childrenFileOf } from '../stdio-children.js';

type Upstream = Pick<SallyportConfiguration['upstreams'][number], 'tenant' | 'server' | 'transport'>;
type StdioUpstream = Upstream & { readonly transport: { readonly kind: 'stdio' } };

/** The stdio host of the one process, and the secret that the edge shows it. */
export interface EmbeddedChildren {
  readonly host: StdioHost;
  readonly secret: string;
}

const isStdio = (upstream: Upstream): upstream is StdioUpstream => upstream.transport.kind === 'stdio';

/** Starts the stdio host of the one process on a free port. `null` when nothing is to be run here: no stdio upstreams, or a host elsewhere. */
export const startEmbeddedChildren = async (
  configuration: SallyportConfiguration,
  dataFolder: string,
  onLine: (line: string) => void,
): Promise<EmbeddedChildren | null> => {
  if (!configuration.upstreams.some(isStdio) || configuration.stdioHost.url !== undefined) return null;
  return await runStdioHost(
    configuration,
    dataFolder,
    { host: '127.0.0.1', port: 0, secret: randomBytes(32).toString('base64url') },
    onLine,
  );
};

/**
 * Starts the children of all stdio upstreams, each in its own folder. Their process ids are kept in `stdio-children.json` under the data
 * folder as long as they run.
 */
export const runStdioHost = async (
  { upstreams }: { readonly upstreams: readonly Upstream[] },
  dataFolder: string,
  { host: address, port, secret }: { readonly host: string; readonly port: number; readonly secret: string },
  onLine: (line: string) => void,
): Promise<EmbeddedChildren> => {
  const stdio = upstreams.filter(isStdio);
  const children = await Promise.all(
    stdio.map(async ({ tenant, server, transport }) => {
      const cwd = transport.cwd ?? join(dataFolder, 'servers', tenant, server);
      await mkdir(cwd, { recursive: true });
      return {
        tenantId: tenant,
        server,
        command: transport.command,
        args: transport.args,
        env: transport.env,
        cwd,
        maxMemoryMib: transport.maxMemoryMib,
      };
    }),
  );
  const pids = new Map<string, number | null>(stdio.map(({ tenant, server }) => [`${tenant}/${server}`, null]));
  const file = childrenFileOf(dataFolder);
  // At once and in one piece: several children start in one moment, and whoever looks must not find half of one note over another.
  const note = (): void => {
    const content: ChildrenFile = { children: [...pids].map(([child, pid]) => ({ child, pid })) };
    try {
      writeFileSync(`${file}.new`, `${JSON.stringify(content)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      onLine(`the processes of the servers could not be written down: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const host = await startStdioHost({
    children,
    host: address,
    port,
    secret,
    onEvent: ({ type, tenantId, server, pid, text }) => {
      if (type === 'started') pids.set(`${tenantId}/${server}`, pid ?? null);
      if (type === 'exited') pids.set(`${tenantId}/${server}`, null);
      if (type === 'started' || type === 'exited') note();
      if (type === 'gave-up') onLine(`the server ${server} does not start: ${text ?? 'no reason given'}`);
    },
  });
  return { host, secret };
};

/** Lets servers that came with the lockfile be named without a path, run by the Node that runs us. */
export const putToolsOnPath = (): void => {
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  const tools = join(root, 'node_modules', '.bin');
  const before = process.env.PATH ?? '';
  process.env.PATH = [dirname(process.execPath), ...(existsSync(tools) ? [tools] : []), before].join(delimiter);
};
