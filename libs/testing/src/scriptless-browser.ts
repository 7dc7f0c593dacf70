import { createHash, randomBytes } from 'node:crypto';

/** A browser without scripts: follows nothing by itself, keeps cookies, posts forms with the origin of the page it is on. */
export class ScriptlessBrowser {
  private readonly cookies = new Map<string, string>();

  constructor(private readonly origin: string) {}

  async get(path: string): Promise<Response> {
    return await this.send(path, {});
  }

  async post(path: string, form: Readonly<Record<string, string>>, origin = this.origin): Promise<Response> {
    return await this.send(path, { method: 'POST', headers: { origin }, body: new URLSearchParams(form) });
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await fetch(new URL(path, this.origin), { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (pair.slice(at + 1) === '') this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }
}

/** Where a response sends the browser. Throws where it sends it nowhere, with what it said instead. */
export const nextOf = async (response: Response): Promise<string> => {
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no redirect but ${response.status}: ${await response.text()}`);
  return location;
};

/** A proof key (RFC 7636). */
export const aProofKey = (): { readonly verifier: string; readonly challenge: string } => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};
