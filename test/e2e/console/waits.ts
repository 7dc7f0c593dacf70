import { expect } from 'vitest';
import type { ConsoleHarness } from './console-harness.js';
import { GRACE } from './people.js';

/** Pages with a text that stands there when the page shows what it is for. */
const PAGES: readonly (readonly [path: string, text: string])[] = [
  ['/', 'story/echo'],
  ['/calls', 'story/echo'],
  ['/catalog', 'story'],
];
const RUNS = 5;
/** Some eight rows a frame, as a wheel that is turned fast. */
const SCROLL_PX = 300;
const SCROLL_ROWS = 5_000;

/**
 * What a person waits for: from the request for an address until what the page is for stands in it, in a browser that has nothing of it, and the
 * frames of a long scroll through the calls. Prints figures and holds no limit: a machine under test is no measure of time.
 */
export const measureWaits = async (harness: ConsoleHarness): Promise<void> => {
  for (const [path, text] of PAGES) {
    const taken: number[] = [];
    for (let n = 0; n < RUNS; n++) {
      const visit = await harness.visitAs(GRACE);
      const cdp = await visit.page.context().newCDPSession(visit.page);
      await cdp.send('Network.clearBrowserCache');
      const from = performance.now();
      await visit.goTo(path);
      await visit.page.getByText(text, { exact: false }).first().waitFor();
      taken.push(Math.round(performance.now() - from));
      await visit.close();
    }
    console.log(`page ${path}: ${taken.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)]} ms (${taken.join(', ')})`);
  }
  const visit = await harness.visitAs(GRACE);
  await visit.goTo('/calls');
  const grid = visit.page.getByRole('grid', { name: 'Calls', exact: true });
  await grid.getByText('story/echo').first().waitFor();
  const scrolled: { readonly frames: readonly number[]; readonly rows: number } = await visit.page.evaluate(`new Promise((resolve) => {
    const grid = document.querySelector('[role="grid"][aria-label="Calls"]');
    const rowNow = () => Math.max(...[...grid.querySelectorAll('[data-index]')].map((row) => Number(row.dataset.index)));
    const frames = [];
    let last = performance.now();
    const step = (now) => {
      frames.push(now - last);
      last = now;
      grid.scrollTop += ${SCROLL_PX};
      if (frames.length % 30 === 0 && (rowNow() >= ${SCROLL_ROWS} || frames.length > 20000)) resolve({ frames, rows: rowNow() });
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);
  const { frames, rows } = scrolled;
  expect(rows).toBeGreaterThanOrEqual(SCROLL_ROWS);
  const seconds = (frames.reduce((sum, ms) => sum + ms, 0) / 1_000).toFixed(1);
  const slow = frames.filter((ms) => ms > 50);
  console.log(
    `scroll: ${rows} rows in ${seconds} s, ${slow.length} of ${frames.length} frames over 50 ms, longest ${Math.round(Math.max(...frames))} ms`,
  );
  await visit.close();
};
