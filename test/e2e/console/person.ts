import { ConsoleSession } from '@sallyport/contracts';
import type { Cluster, FetchedAnswer, NextLogin, TestIdentityProvider } from '@sallyport/testing';

/** What is asked; without `csrf` nothing that a page would add is left out. */
export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent in place of a body, as a page without scripts does. */
  readonly form?: Readonly<Record<string, string>>;
  readonly base?: string;
  /** Put over what a page of the console sends; `undefined` takes one away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** A person with a browser: keeps cookies as one does, follows nothing by itself, and sends what a page of the console sends. */
export class Person {
  readonly cookies = new Map<string, { readonly value: string; readonly path: string; readonly attributes: string }>();
  session: ConsoleSession | null = null;

  constructor(
    private readonly cluster: Cluster,
    private readonly provider: TestIdentityProvider | null = null,
  ) {}

  /** Where the browser is sent to log in. */
  async begin(returnTo = '/console/'): Promise<FetchedAnswer> {
    return this.ask(`/console/session/login?${new URLSearchParams({ return: returnTo })}`);
  }

  /** Where the provider sends the browser back to. */
  async atProvider(begun: FetchedAnswer, login: NextLogin): Promise<string> {
    if (this.provider === null) throw new TypeError('this person has no provider of the test');
    this.provider.next = login;
    const response = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
    const { pathname, search } = new URL(response.headers.get('location') ?? '');
    return `${pathname}${search}`;
  }

  /** Logs in, and looks at the session as a page does. */
  async login(login: NextLogin): Promise<ConsoleSession> {
    const back = await this.ask(await this.atProvider(await this.begin(), login));
    const { text, status } = await this.ask('/console/session');
    if (status !== 200) throw new Error(`no session: ${back.headers.get('location')} ${text}`);
    this.session = ConsoleSession.parse(JSON.parse(text));
    return this.session;
  }

  /** Asks as a page of the console does, with the cookies that belong there. */
  async ask(path: string, { method = 'GET', body, form, base, headers = {} }: Asked = {}): Promise<FetchedAnswer> {
    const isSafe = method === 'GET';
    const sent = {
      cookie: [...this.cookies]
        .flatMap(([name, { value, path: under }]) => (path.startsWith(under) ? [`${name}=${value}`] : []))
        .join('; '),
      'sec-fetch-site': 'same-origin',
      ...(isSafe ? {} : { origin: this.cluster.gatewayUrl, 'sallyport-csrf': this.session?.csrfToken }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    };
    const answer = await this.cluster.fetchRaw(
      path,
      {
        method,
        redirect: 'manual',
        headers: Object.entries(sent).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      },
      base === undefined ? {} : { base },
    );
    for (const cookie of answer.headers.getSetCookie()) this.keep(cookie);
    return answer;
  }

  /**
   * Follows where the pages of the embedded authorization server lead, choosing what `choices` says, until they lead elsewhere; returns where.
   * `seen` gets the text of each page.
   */
  async walk(address: string, choices: Readonly<Record<string, string>>, seen: string[] = []): Promise<URL> {
    let at = new URL(address, this.cluster.gatewayUrl);
    while (at.origin === this.cluster.gatewayUrl && at.pathname.startsWith('/authorization/')) {
      let answer = await this.ask(`${at.pathname}${at.search}`);
      if (answer.status === 200) {
        seen.push(answer.text);
        answer = await this.ask(at.pathname, { method: 'POST', form: choices });
      }
      const location = answer.headers.get('location');
      if (location === null) throw new Error(`${at.pathname} leads nowhere: ${answer.status} ${answer.text.slice(0, 500)}`);
      at = new URL(location, at);
    }
    return at;
  }

  /** The value of a cookie; `''` where there is none. */
  cookie(name: string): string {
    return this.cookies.get(name)?.value ?? '';
  }

  private keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ');
    const name = pair.slice(0, pair.indexOf('='));
    const path = attributes.find((attribute) => attribute.startsWith('Path='))?.slice('Path='.length) ?? '/';
    if (attributes.includes('Max-Age=0')) this.cookies.delete(name);
    else this.cookies.set(name, { value: pair.slice(name.length + 1), path, attributes: attributes.join('; ') });
  }
}
