import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Invented people, so that the demo has something to mask. */
const CUSTOMERS = `name,email,phone,iban
Lovelace Bakery,orders@lovelace-bakery.example.com,+44 20 7946 0958,GB82WEST12345698765432
Hopper Marine,grace@hopper-marine.example.com,+1 415 555 2671,DE89370400440532013000
`;

/** Puts something to read into the sandbox of the file server, once; what is there stays as it is. */
export const fillSandbox = async (dataFolder: string): Promise<void> => {
  const folder = join(dataFolder, 'servers', 'fs', 'sandbox');
  if (existsSync(folder)) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'customers.csv'), CUSTOMERS);
  await writeFile(join(folder, 'notes.txt'), 'Agents may write here, as far as policy lets them.\n');
};
