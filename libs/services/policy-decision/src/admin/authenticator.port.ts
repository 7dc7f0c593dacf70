import type { Principal } from '@sallyport/contracts';

/** Who is asking, from the Authorization header of a request. */
export interface Authenticator {
  /** Throws `identity.token-missing` without a header and `identity.token-invalid` for a token that is not to be trusted here. */
  authenticate(authorization: string | undefined): Promise<Principal>;
}
