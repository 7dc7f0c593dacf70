import { createHash } from 'node:crypto';
import { AppError, type Json } from '@sallyport/contracts';
import canonicalize from 'canonicalize';
import type { JsonObject } from '../json/json-types.js';
import type { ToolDefinition } from '../upstream/tool-definition.js';

/** What a definition pin covers: everything a model or a caller relies on. `_meta` is the upstream's own and may change freely. */
const PINNED_FIELDS = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations', 'icons'] as const;

/** The pinned part of a definition, in a fixed order of fields; absent fields stay absent. */
export const pinnedDefinition = (tool: ToolDefinition): JsonObject => {
  const pinned: Record<string, Json> = {};
  for (const field of PINNED_FIELDS) {
    const value = tool[field];
    if (value !== undefined) pinned[field] = value;
  }
  return pinned;
};

/**
 * The digest of a tool's definition: SHA-256 over the canonical JSON (RFC 8785) of its pinned fields, the same for every order of members.
 * Throws `upstream.answer-invalid` for a definition that has no canonical form (a number that is not finite).
 */
export const digestDefinition = (tool: ToolDefinition): `sha256:${string}` => {
  let canonical: string | undefined;
  try {
    canonical = canonicalize(pinnedDefinition(tool));
  } catch (cause) {
    throw new AppError('upstream.answer-invalid', 'a tool definition has no canonical form', { cause });
  }
  if (canonical === undefined) throw new AppError('upstream.answer-invalid', 'a tool definition has no canonical form');
  return `sha256:${createHash('sha256').update(canonical).digest('hex')}`;
};
