import type { MigrationClass } from '@sallyport/platform';
import { CreateDispatchClaims1763726400000 } from './1763726400000-create-dispatch-claims.js';
import { AddIdempotency1795264000000 } from './1795264000000-add-idempotency.js';

/** Everything the gateway keeps in its own schema, in order. */
export const EDGE_GATEWAY_MIGRATIONS: readonly MigrationClass[] = [CreateDispatchClaims1763726400000, AddIdempotency1795264000000];
