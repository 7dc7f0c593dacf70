import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ROOT_FOLDER } from '@sallyport/testing';
import { z } from 'zod';

/** What a tool said. */
export interface Said {
  readonly text: string;
  readonly structured: unknown;
  readonly isError: boolean;
}

/** A client of the matrix, connected. */
export interface Session {
  tools(): Promise<readonly string[]>;
  call(tool: string, args: Readonly<Record<string, string | number>>): Promise<Said>;
  resource(uri: string): Promise<string>;
  prompt(name: string): Promise<string>;
  close(): Promise<void>;
}

export interface MatrixClient {
  readonly name: string;
  /** Which revisions it speaks: those with sessions, those without, or whichever the server does. */
  readonly era: 'legacy' | 'modern' | 'either';
  /** Rejects where client and server have no revision in common. */
  connect(url: string, token: string): Promise<Session>;
}

const Content = z.looseObject({ type: z.string(), text: z.string().optional() });
const CallResult = z.looseObject({ content: z.array(Content), structuredContent: z.unknown().optional(), isError: z.boolean().optional() });
const Tools = z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) });
const Contents = z.looseObject({ contents: z.array(z.looseObject({ text: z.string() })) });
const Messages = z.looseObject({ messages: z.array(z.looseObject({ content: Content })) });

const saidBy = (result: unknown): Said => {
  const { content, structuredContent, isError } = CallResult.parse(result);
  return { text: content.map(({ text }) => text ?? '').join('\n'), structured: structuredContent, isError: isError ?? false };
};
const textOfResource = (result: unknown): string =>
  Contents.parse(result)
    .contents.map(({ text }) => text)
    .join('\n');
const textOfPrompt = (result: unknown): string =>
  Messages.parse(result)
    .messages.map(({ content }) => content.text ?? '')
    .join('\n');
const namesOf = (result: unknown): readonly string[] => Tools.parse(result).tools.map(({ name }) => name);

const bearer = (token: string) => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } });

const sdkV1: MatrixClient = {
  name: 'SDK v1',
  era: 'legacy',
  connect: async (url, token) => {
    const client = new LegacyClient({ name: 'matrix-v1', version: '1.0.0' });
    await client.connect(new LegacyTransport(new URL(url), bearer(token)));
    return {
      tools: async () => namesOf(await client.listTools()),
      call: async (name, args) => saidBy(await client.callTool({ name, arguments: { ...args } })),
      resource: async (uri) => textOfResource(await client.readResource({ uri })),
      prompt: async (name) => textOfPrompt(await client.getPrompt({ name })),
      close: () => client.close(),
    };
  },
};

const sdkV2 = (name: string, era: MatrixClient['era'], mode: 'legacy' | 'auto' | { readonly pin: string }): MatrixClient => ({
  name,
  era,
  connect: async (url, token) => {
    const client = new Client({ name: 'matrix-v2', version: '2.0.0' }, { versionNegotiation: { mode }, defaultCacheTtlMs: 0 });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), bearer(token)));
    return {
      tools: async () => namesOf(await client.listTools()),
      call: async (tool, args) => saidBy(await client.callTool({ name: tool, arguments: { ...args } })),
      resource: async (uri) => textOfResource(await client.readResource({ uri })),
      prompt: async (prompt) => textOfPrompt(await client.getPrompt({ name: prompt })),
      close: () => client.close(),
    };
  },
});

/** The Inspector's program: its command line, and the server of its page. */
export const INSPECTOR = join(
  ROOT_FOLDER,
  'node_modules',
  '@modelcontextprotocol',
  'inspector',
  'clients',
  'launcher',
  'build',
  'index.js',
);
const run = promisify(execFile);
const CLI_DEADLINE_MS = 60_000;

/** The Inspector keeps nothing between two commands: each is a process that connects, asks once and ends. */
const inspector = (name: string, era: 'legacy' | 'modern'): MatrixClient => ({
  name,
  era,
  connect: async (url, token) => {
    const home = mkdtempSync(join(tmpdir(), 'sallyport-inspector-'));
    let last: Promise<unknown> = Promise.resolve();
    /** One process at a time: several would take the processors from the gateway that they ask. */
    const ask = (method: string, ...more: string[]): Promise<unknown> => {
      last = last.catch(() => undefined).then(() => askNow(method, ...more));
      return last;
    };
    const askNow = async (method: string, ...more: string[]): Promise<unknown> => {
      const where = [
        '--cli',
        url,
        '--transport',
        'http',
        '--protocol-era',
        era,
        '--format',
        'json',
        '--quiet',
        '--connect-timeout',
        String(CLI_DEADLINE_MS),
      ];
      const { stdout } = await run(
        process.execPath,
        [INSPECTOR, ...where, '--header', `Authorization: Bearer ${token}`, '--method', method, ...more],
        { env: { PATH: process.env.PATH, HOME: home }, timeout: CLI_DEADLINE_MS },
      ).catch((error: unknown) => {
        // A tool that says of itself that it failed ends the command with a status; what it said is printed all the same.
        const printed: unknown = Reflect.get(Object(error), 'stdout');
        if (method === 'tools/call' && typeof printed === 'string' && printed.trim().startsWith('{')) return { stdout: printed };
        throw error;
      });
      const printed = z.looseObject({ result: z.unknown().optional() }).parse(JSON.parse(stdout));
      return printed.result ?? printed;
    };
    const listed = await ask('tools/list').catch((error: unknown) => {
      rmSync(home, { recursive: true, force: true });
      throw error;
    });
    return {
      tools: async () => namesOf(listed),
      call: async (tool, args) => saidBy(await ask('tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args))),
      resource: async (uri) => textOfResource(await ask('resources/read', '--uri', uri)),
      prompt: async (prompt) => textOfPrompt(await ask('prompts/get', '--prompt-name', prompt)),
      close: async () => rmSync(home, { recursive: true, force: true }),
    };
  },
});

/** The clients that must work, with the revisions each of them speaks. */
export const MATRIX_CLIENTS: readonly MatrixClient[] = [
  sdkV1,
  sdkV2('SDK v2, legacy', 'legacy', 'legacy'),
  sdkV2('SDK v2, auto', 'either', 'auto'),
  sdkV2('SDK v2, pinned to 2026-07-28', 'modern', { pin: '2026-07-28' }),
  inspector('Inspector CLI, legacy', 'legacy'),
  inspector('Inspector CLI, modern', 'modern'),
];
