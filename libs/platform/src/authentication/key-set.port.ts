import type { JWTVerifyGetKey } from 'jose';

/** The public keys of one issuer: finds the key of a token's header. Throws jose's `JWKSNoMatchingKey` where there is none. */
export type KeySet = JWTVerifyGetKey;
