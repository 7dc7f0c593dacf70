import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const FIRST_LOAD_KIB_MAX = 300;

/**
 * Fails the build where somebody who opens a page would load more than 300 KiB of JavaScript, compressed, before it is there: the frame, the
 * page and all that both import. What a page loads later (charts, dialogs) does not count.
 */
export const smallFirstLoad = (): Plugin => ({
  name: 'small-first-load',
  generateBundle(_, bundle) {
    const sizes = new Map<string, number>();
    const imports = new Map<string, readonly string[]>();
    const pages: string[] = [];
    let entry = '';
    for (const [name, chunk] of Object.entries(bundle)) {
      if (chunk.type !== 'chunk') continue;
      sizes.set(name, gzipSync(chunk.code, { level: 9 }).length);
      imports.set(name, chunk.imports);
      if (chunk.isEntry) entry = name;
      if (chunk.facadeModuleId !== null && /\.page\.tsx$/.test(chunk.facadeModuleId)) pages.push(name);
    }
    const loadedWith = (name: string, seen: Set<string>): Set<string> => {
      if (seen.has(name)) return seen;
      seen.add(name);
      for (const imported of imports.get(name) ?? []) loadedWith(imported, seen);
      return seen;
    };
    if (pages.length === 0) this.error('the console has no page');
    for (const page of pages) {
      const files = loadedWith(page, loadedWith(entry, new Set()));
      const kib = [...files].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0) / 1_024;
      if (kib > FIRST_LOAD_KIB_MAX) this.error(`${page} needs ${kib.toFixed(0)} KiB at first; at most ${FIRST_LOAD_KIB_MAX} are allowed`);
      else this.info(`${page}: ${kib.toFixed(0)} KiB at first`);
    }
  },
});
