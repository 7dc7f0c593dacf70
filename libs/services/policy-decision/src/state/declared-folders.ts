import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { AppError, type PolicyFiles } from '@sallyport/contracts';
import type { CatalogFiles } from '../catalog/catalog-file.js';

/** Reads a folder of policies: every `.cedar`, `.cedarschema` and `.yaml` file in it. Throws `configuration.invalid` when it cannot be read. */
export const readPolicyFolder = (folder: string): Promise<PolicyFiles> => readFolder(folder, /\.(cedar|cedarschema|ya?ml)$/);

/** Reads a folder of catalog records: every `.yaml` file in it. Throws `configuration.invalid` when it cannot be read. */
export const readCatalogFolder = (folder: string): Promise<CatalogFiles> => readFolder(folder, /\.ya?ml$/);

/** Kubernetes mounts a file as a link to one in a hidden folder with the time in its name: the link is what is meant. */
const isHidden = (name: string): boolean => name.split(sep).some((part) => part.startsWith('.'));

const readFolder = async (folder: string, wanted: RegExp): Promise<Record<string, string>> => {
  try {
    const names = await readdir(folder, { recursive: true });
    const paths = names.filter((name) => wanted.test(name) && !isHidden(name)).map((name) => join(folder, name));
    const files = await Promise.all(
      paths.sort().map(async (path) => [relative(folder, path).split(sep).join('/'), await readFile(path, 'utf8')]),
    );
    return Object.fromEntries(files);
  } catch (cause) {
    throw new AppError('configuration.invalid', `the folder ${folder} cannot be read`, { cause });
  }
};
