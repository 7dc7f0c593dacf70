import { randomUUID } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';

/**
 * Creates a file with all of its text in one step, readable by its owner alone (0600): whoever reads it finds the whole of it or no file, also when a
 * process dies in between. Resolves to `false`, with nothing changed, when there is one already. Its folder must exist.
 */
export const createOnce = async (path: string, text: string): Promise<boolean> => {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
};
