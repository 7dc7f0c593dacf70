import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the program where it is a bundle, else where the workspace builds it. */
const PLACES = ['./console/', '../../../../../apps/console/dist/web/'].map((place) => fileURLToPath(new URL(place, import.meta.url)));

/** The folder of the built console; `null` where it was not built. */
export const consoleFolder = (): string | null => PLACES.find((folder) => existsSync(`${folder}index.html`)) ?? null;

const NONCE_PLACE = /<meta name="style-nonce" nonce="[^"]*"/;

/** The page of the console with the nonce of one answer in it. */
export const pageOf = (folder: string): ((nonce: string) => string) => {
  const html = readFileSync(`${folder}index.html`, 'utf8');
  if (!NONCE_PLACE.test(html)) throw new TypeError('the page of the console has no place for a nonce');
  return (nonce) => html.replace(NONCE_PLACE, `<meta name="style-nonce" nonce="${nonce}"`);
};
