import { CreateArtifacts1796000000000 } from './1796000000000-create-artifacts.js';

/** In the order in which they run. */
export const AUTHORIZATION_SERVER_MIGRATIONS = [CreateArtifacts1796000000000];
