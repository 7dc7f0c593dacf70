import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { OFFICE_SCOPES } from '@sallyport/contracts';
import { browserProgram, type Cluster, STORY_TENANT, type TestIdentityProvider, type TokenRequest } from '@sallyport/testing';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** How the tests start their browser. */
export const BROWSER_FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
/** Where pictures are kept, in both themes; taken by `npm run gen images` alone, so that a test run leaves the tree as it was. */
const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const takesImages = process.env.SALLYPORT_IMAGES !== undefined && process.env.SALLYPORT_IMAGES !== '';

/** How a page is looked at. */
export interface Look {
  readonly theme?: 'light' | 'dark';
  /** In CSS pixels; 1280 by 800 when not given. */
  readonly width?: number;
  readonly height?: number;
}

export const NARROW: Look = { width: 360, height: 740 };

/** Keeps a picture of a page in both themes, where pictures are being taken. */
export const takePicture = async (page: Page, name: string): Promise<void> => {
  if (!takesImages) return;
  mkdirSync(IMAGES, { recursive: true });
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.screenshot({ path: `${IMAGES}${name}-${theme}.png`, animations: 'disabled', caret: 'hide' });
  }
  await page.emulateMedia({ colorScheme: null });
};

/** One person at one browser, with cookies of its own; what goes wrong in it is kept, and fails the test that closes it. */
export class ConsoleVisit {
  readonly faults: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
    private readonly base: string,
    private readonly provider: string,
  ) {}

  static async open(
    browser: Browser,
    base: string,
    provider: string,
    { theme = 'light', width = 1280, height = 800 }: Look,
  ): Promise<ConsoleVisit> {
    const context = await browser.newContext({ baseURL: base, colorScheme: theme, viewport: { width, height }, reducedMotion: 'reduce' });
    const visit = new ConsoleVisit(await context.newPage(), context, base, provider);
    visit.watch();
    return visit;
  }

  private watch(): void {
    const { page, faults, base, provider } = this;
    page.on('console', (message) => {
      // An answer of 400 and more is said here too, and each is tested for what the page makes of it.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(`console: ${message.text()}`);
    });
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
    page.on('request', (request) => {
      // The one way out is the login itself, which the browser goes by itself and no page asks for.
      if (request.isNavigationRequest() && new URL(request.url()).origin === provider) return;
      if (new URL(request.url()).origin !== new URL(base).origin) faults.push(`foreign request: ${request.url()}`);
    });
  }

  /** Goes to an address of the console by itself, as a link from outside would. */
  async goTo(path: string): Promise<void> {
    await this.page.goto(`${this.base}/console${path}`);
  }

  /** Axe finds nothing on the page as it stands, and nothing went wrong in it so far. */
  async expectSound(): Promise<void> {
    const { violations } = await new AxeBuilder({ page: this.page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)).toEqual([]);
    // Nothing sticks out of a narrow window.
    expect(await this.page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0);
    expect(this.faults).toEqual([]);
  }

  /** Keeps a picture of the page in both themes, `docs/images/<name>-light.png` and `-dark.png`, where pictures are being taken. */
  picture(name: string): Promise<void> {
    return takePicture(this.page, name);
  }

  /** Ends the visit. Whatever went wrong in the page fails the test. */
  async close(): Promise<void> {
    await this.context.close();
    expect(this.faults).toEqual([]);
  }
}

/** How the console of the stories is known to their identity provider. */
export const CONSOLE_CLIENT = { id: 'sallyport-console', secret: 'only-the-provider-knows' };

/** The claim of roles that gives somebody these scopes, as far as the configuration gives them too. */
const rolesFor = (scopes: readonly string[]): readonly string[] =>
  [
    [OFFICE_SCOPES.audit, 'viewer'],
    [OFFICE_SCOPES.approve, 'approver'],
    [OFFICE_SCOPES.operate, 'operator'],
  ].flatMap(([scope = '', role = '']) => (scopes.includes(scope) ? [role] : []));

/** A running product with an identity provider, and a browser before it. */
export class ConsoleHarness {
  /** One after the other: the provider is told who comes next. */
  private logins: Promise<void> = Promise.resolve();

  private constructor(
    readonly cluster: Cluster,
    readonly provider: TestIdentityProvider,
    private readonly browser: Browser,
  ) {}

  /** `cluster` must name `provider` in its section `console`, with `CONSOLE_CLIENT`. */
  static async open(cluster: Cluster, provider: TestIdentityProvider): Promise<ConsoleHarness> {
    const executablePath = browserProgram();
    if (executablePath === null) throw new TypeError('there is no browser here');
    return new ConsoleHarness(cluster, provider, await chromium.launch({ executablePath, args: BROWSER_FLAGS }));
  }

  /** A browser in which nobody is logged in. */
  async stranger(look: Look = {}): Promise<ConsoleVisit> {
    return await ConsoleVisit.open(this.browser, this.cluster.gatewayUrl, this.provider.issuer, look);
  }

  /** A browser in which this person has logged in at the identity provider, with the roles that their scopes need. */
  async visitAs(person: TokenRequest, look: Look = {}): Promise<ConsoleVisit> {
    const visit = await this.stranger(look);
    const login = this.logins.then(async () => {
      this.nextLogin(person);
      await visit.page.goto(`${this.cluster.gatewayUrl}/console/session/login?return=/console/nowhere`);
      await visit.page.getByText('There is no such page').waitFor();
    });
    this.logins = login.catch(() => {});
    await login;
    return visit;
  }

  /** Who logs in next at the identity provider. */
  nextLogin({ subject, tenant = STORY_TENANT, scopes = [] }: TokenRequest): void {
    this.provider.next = { claims: { sub: subject, name: subject, sallyport_tenant: tenant, roles: rolesFor(scopes) } };
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}
