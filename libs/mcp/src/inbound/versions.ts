/** The two ways MCP is spoken: with `initialize` and sessions (`legacy`), or stateless with a `_meta` envelope per request (`modern`). */
export type Era = 'modern' | 'legacy';

/** Stateless revisions served here, newest first. */
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28'];
/** Session revisions served here, newest first. */
export const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18'];
/** Every revision served here, newest first. */
export const SUPPORTED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS];
export const LATEST_MODERN_VERSION = '2026-07-28';
export const LATEST_LEGACY_VERSION = '2025-11-25';
/** What a legacy client speaks that sends no `MCP-Protocol-Version`: the oldest revision served here. */
export const ASSUMED_LEGACY_VERSION = '2025-06-18';

/** The revision to answer an `initialize` with: the one asked for when it is served, else the newest (2025-11-25, lifecycle, version negotiation). */
export const negotiateLegacyVersion = (requested: string): string =>
  LEGACY_VERSIONS.includes(requested) ? requested : LATEST_LEGACY_VERSION;
