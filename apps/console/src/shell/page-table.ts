import type { ComponentType } from 'react';

/** How a page stands in the navigation. */
export interface NavEntry {
  readonly label: string;
  readonly icon: ComponentType<{ readonly size?: number; readonly stroke?: number }>;
  /** Two keys, pressed one after the other: `g o`. */
  readonly keys: string;
}

/** One page: its path below `/console`, and the module that is loaded when it is first shown. */
export interface Page {
  /** With parameters as `:name`; a page of its own each, without nesting. */
  readonly path: string;
  /** Left out for pages that others lead to. */
  readonly nav?: NavEntry;
  /** Without this scope, or any one of these, the person is told that the page is not theirs, and nothing is asked. */
  readonly scope?: string | readonly string[];
  /** The page's module: it exports `Component`. */
  readonly load: () => Promise<{ readonly Component: ComponentType }>;
}

/** A line of the table of pages. */
export const page = (entry: Page): Page => entry;
