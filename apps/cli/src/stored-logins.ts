import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const StoredLogin = z.object({
  /** Who signed the tokens, and where they are renewed and taken back. */
  issuer: z.url(),
  clientId: z.string().min(1),
  accessToken: z.string().min(1),
  /** `null`: the login ends with its token. */
  refreshToken: z.string().min(1).nullable(),
  /** Milliseconds since 1970. */
  expiresAtMs: z.number(),
});
/** A login of this account at one gateway. */
export type StoredLogin = z.infer<typeof StoredLogin>;

const Logins = z.record(z.string(), StoredLogin);

/** Readable by its owner alone: who has the file is the person. */
const FILE_MODE = 0o600;

/** Logins of the command line, by the address of the gateway, in `$XDG_CONFIG_HOME/sallyport/logins.json` (default `~/.config`). */
export class StoredLogins {
  private readonly file: string;

  constructor(env: Readonly<Record<string, string | undefined>> = process.env) {
    this.file = join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'sallyport', 'logins.json');
  }

  async find(url: string): Promise<StoredLogin | undefined> {
    return (await this.read())[nameOf(url)];
  }

  /** Replaces the file as a whole, so that a command that is broken off leaves the old one. */
  async put(url: string, login: StoredLogin): Promise<void> {
    await this.write({ ...(await this.read()), [nameOf(url)]: login });
  }

  async remove(url: string): Promise<void> {
    const { [nameOf(url)]: _gone, ...others } = await this.read();
    await this.write(others);
  }

  /** A file that cannot be read as what it should be holds no login. */
  private async read(): Promise<Readonly<Record<string, StoredLogin>>> {
    try {
      return Logins.parse(JSON.parse(await readFile(this.file, 'utf8')));
    } catch {
      return {};
    }
  }

  private async write(logins: Readonly<Record<string, StoredLogin>>): Promise<void> {
    if (Object.keys(logins).length === 0) return await rm(this.file, { force: true });
    await mkdir(dirname(this.file), { recursive: true, mode: 0o700 });
    const draft = `${this.file}.${process.pid}`;
    await writeFile(draft, JSON.stringify(logins), { mode: FILE_MODE });
    await chmod(draft, FILE_MODE);
    await rename(draft, this.file);
  }
}

const nameOf = (url: string): string => new URL(url).href.replace(/\/+$/, '');
