import type { Principal } from '@sallyport/contracts';

/** What a token is minted for: one attempt of one call at one upstream. */
export interface TokenRequest {
  readonly principal: Principal;
  readonly audience: string;
  /** What the token allows: the tool (`server/tool`), or the method where there is none. */
  readonly scope: string;
  readonly callId: string;
}

export interface MintedToken {
  readonly token: string;
  /** `jti`: the only part of it that is ever recorded. */
  readonly tokenId: string;
}

/** Makes the tokens upstreams get. The agent's own token is never among its inputs: it cannot travel on. */
export interface TokenMinter {
  /** Valid for at most 60 s and one audience. */
  mint(request: TokenRequest): Promise<MintedToken>;
}
