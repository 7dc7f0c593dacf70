import { join } from 'node:path';

/** What `start` writes down of the stdio servers it runs, for people and tools that look from outside. */
export interface ChildrenFile {
  readonly children: readonly { readonly server: string; readonly pid: number | null }[];
}

/** Where that is written. */
export const childrenFileOf = (dataFolder: string): string => join(dataFolder, 'stdio-children.json');
