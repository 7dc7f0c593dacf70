import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { AppError, type PolicyFiles } from '@sallyport/contracts';
import type { CatalogFiles } from '../catalog/catalog-file.js';

/** Reads a folder of policies: every `.cedar`, `.cedarschema` and `.yaml` file in it. Throws `configuration.invalid` when it cannot be read. */
export const readPolicyFolder = (folder: string): Promise<PolicyFiles> => readFolder(folder, /\.(cedar|cedarschema|ya?ml)$/);

/** Reads a folder of catalog records: every `.yaml` file in it. Throws `configuration.invalid` when it cannot be read. */
export const readCatalogFolder = (folder: string): Promise<CatalogFiles> => readFolder(folder, /\.ya?ml$/);

const readFolder = async (folder: string, wanted: RegExp): Promise<Record<string, string>> => {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile() && wanted.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
    const files = await Promise.all(
      paths.sort().map(async (path) => [relative(folder, path).split(sep).join('/'), await readFile(path, 'utf8')]),
    );
    return Object.fromEntries(files);
  } catch (cause) {
    throw new AppError('configuration.invalid', `the folder ${folder} cannot be read`, { cause });
  }
};
