/** Whose tokens are believed, and how they are read. The `identity.issuers` entries of the configuration fit. */
export interface IssuerSettings {
  /** `iss`, letter by letter. */
  readonly issuer: string;
  /** Label in events. */
  readonly tokenSource: string;
  /** What `aud` must name, one of these. Without it: the public URL, or the resource that is asked for. */
  readonly audience?: readonly string[];
  readonly jwksUrl?: string;
  readonly jwksFile?: string;
  readonly algorithms: readonly string[];
  readonly clockSkewSeconds: number;
  /** Tenants its tokens may name; all when absent. */
  readonly tenants?: readonly string[];
  readonly claims: {
    readonly tenant: string;
    readonly workflow: string;
    readonly mode: string;
    readonly environment: string;
    /** Names the agent where the issuer sends no `act`. */
    readonly agent?: string;
  };
}
