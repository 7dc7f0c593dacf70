import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { browserProgram, type Cluster, type TokenRequest } from '@sallyport/testing';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const FLAGS = [
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

/** One person at one browser, with cookies of its own; what goes wrong in it is kept, and fails the test that closes it. */
export class ConsoleVisit {
  readonly faults: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
    private readonly base: string,
  ) {}

  static async open(browser: Browser, base: string, { theme = 'light', width = 1280, height = 800 }: Look): Promise<ConsoleVisit> {
    const context = await browser.newContext({ colorScheme: theme, viewport: { width, height }, reducedMotion: 'reduce' });
    const visit = new ConsoleVisit(await context.newPage(), context, base);
    visit.watch();
    return visit;
  }

  private watch(): void {
    const { page, faults, base } = this;
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
  async picture(name: string): Promise<void> {
    if (!takesImages) return;
    mkdirSync(IMAGES, { recursive: true });
    for (const theme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme: theme });
      await this.page.screenshot({ path: `${IMAGES}${name}-${theme}.png`, animations: 'disabled', caret: 'hide' });
    }
  }

  /** Ends the visit. Whatever went wrong in the page fails the test. */
  async close(): Promise<void> {
    await this.context.close();
    expect(this.faults).toEqual([]);
  }
}

/** A running product and a browser before it. */
export class ConsoleHarness {
  private constructor(
    readonly cluster: Cluster,
    private readonly browser: Browser,
  ) {}

  static async open(cluster: Cluster): Promise<ConsoleHarness> {
    const executablePath = browserProgram();
    if (executablePath === null) throw new TypeError('there is no browser here');
    return new ConsoleHarness(cluster, await chromium.launch({ executablePath, args: FLAGS }));
  }

  /** A browser in which nobody is logged in. */
  async stranger(look: Look = {}): Promise<ConsoleVisit> {
    return await ConsoleVisit.open(this.browser, this.cluster.gatewayUrl, look);
  }

  /** A browser in which this person is logged in, with the scopes of the token. */
  async visitAs(person: TokenRequest, look: Look = {}): Promise<ConsoleVisit> {
    const visit = await this.stranger(look);
    await this.signIn(visit, person);
    return visit;
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  /** Stands in for the identity provider: the session of the person, and their token on each request to the product. */
  private async signIn({ page }: ConsoleVisit, person: TokenRequest): Promise<void> {
    const token = await this.cluster.token(person);
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await page.route('**/console/session', (route) =>
      route.fulfill({
        json: {
          ...{ subject: `user:${person.subject}`, name: person.subject, tenantId: person.tenant ?? 'acme', roles: ['admin'] },
          ...{ scopes: person.scopes ?? [], csrfToken: 'c'.repeat(32), expiresAt: inAnHour, renewBefore: inAnHour },
        },
      }),
    );
    await page.route('**/v1/**', (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: `Bearer ${token}` } }),
    );
  }
}
