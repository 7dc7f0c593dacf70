import type { CatalogPage, CatalogQuery, CatalogServer, CatalogWarning, RiskTier, ToolInList, ToolRecord } from '@sallyport/contracts';
import { MISSING, reviewIsOld } from '@sallyport/domain';
import type { TenantState } from '../state/tenant-state.js';

/** After how many days without a review the catalog warns. */
const REVIEW_DAYS_MAX = 365;
/** Names that one server is summed up by, at most. */
const NAMES_MAX = 20;

/** What the owner of a tool should look at on a day (`YYYY-MM-DD`); it keeps nothing from being called. */
export const warningsOf = (record: Pick<ToolRecord, 'lastReviewed' | 'lifecycle'>, today: string): CatalogWarning[] => {
  const warnings: CatalogWarning[] = [];
  if (reviewIsOld(record, today, REVIEW_DAYS_MAX)) warnings.push('review-is-old');
  if (record.lifecycle === 'deprecated') warnings.push('deprecated');
  return warnings;
};

const isHeld = ({ missing }: ToolRecord): boolean => missing.includes(MISSING.drift);
const isIncomplete = ({ missing }: ToolRecord): boolean => missing.some((name) => name !== MISSING.drift);

/** The tools that a query asks for, by name: a page stays put while others are added. */
export const pageOfTools = (state: TenantState, query: CatalogQuery, today: string): CatalogPage => {
  const { cursor, limit } = query;
  const found = state.tools(query.server ?? null).filter((tool) => (cursor === undefined || tool.id > cursor) && fits(tool, query));
  const shown = found.slice(0, limit);
  return { tools: shown.map((tool) => inList(tool, today)), nextCursor: found.length > limit ? (shown.at(-1)?.id ?? null) : null };
};

const inList = ({ definition: _definition, ...record }: ToolRecord, today: string): ToolInList => ({
  ...record,
  warnings: warningsOf(record, today),
});

const fits = (tool: ToolRecord, { state, tier, owner, text }: CatalogQuery): boolean => {
  if (state === 'callable' && tool.missing.length > 0) return false;
  if (state === 'held' && !isHeld(tool)) return false;
  if (state === 'incomplete' && !isIncomplete(tool)) return false;
  if (tier !== undefined && tool.riskTier !== tier) return false;
  if (owner !== undefined && tool.owner !== owner) return false;
  const wanted = text?.toLowerCase();
  return wanted === undefined || [tool.id, tool.owner ?? '', ...tool.tags].some((said) => said.toLowerCase().includes(wanted));
};

/** Each server of the catalog, by name, with its tools counted. */
export const serversOf = (state: TenantState, today: string): CatalogServer[] =>
  state.serverNames().map((server) => {
    const tools = state.tools(server);
    const each = <T>(what: (tool: ToolRecord) => T | null): T[] => [...new Set(tools.flatMap((tool) => what(tool) ?? []))].sort();
    return {
      server,
      tools: tools.length,
      callable: tools.filter(({ missing }) => missing.length === 0).length,
      held: tools.filter(isHeld).length,
      incomplete: tools.filter(isIncomplete).length,
      reviewsOld: tools.filter((tool) => reviewIsOld(tool, today, REVIEW_DAYS_MAX)).length,
      owners: each(({ owner }) => owner).slice(0, NAMES_MAX),
      tiers: each<RiskTier>(({ riskTier }) => riskTier),
      supportContacts: each(({ supportContact }) => supportContact).slice(0, NAMES_MAX),
      stopped: state.controls.isActive('server', server),
    };
  });
