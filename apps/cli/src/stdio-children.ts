import { join } from 'node:path';

/** What `start` writes down of the stdio servers it runs, for people and tools that look from outside. */
export interface ChildrenFile {
  /** `child` is `tenant/server`. */
  readonly children: readonly { readonly child: string; readonly pid: number | null }[];
}

/** Where that is written. */
export const childrenFileOf = (dataFolder: string): string => join(dataFolder, 'stdio-children.json');
