// Where things are. Every path of the tools is derived here, so that they work from any current folder.
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A path below the root of the workspace. */
export const at = (path) => `${ROOT}${path}`;
