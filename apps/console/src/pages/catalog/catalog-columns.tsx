import { Group, Text } from '@mantine/core';
import type { CatalogServer, CatalogWarning, ToolInList } from '@sallyport/contracts';
import type { GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { StatusBadge } from '../../components/status-badge.js';

/** What keeps a tool from being called, in words. The names are those of the catalog API. */
const MISSING_IN_WORDS: Readonly<Record<string, string>> = {
  owner: 'an owner',
  'data-domain': 'a data domain',
  'risk-tier': 'a risk tier',
  version: 'a version',
  lifecycle: 'a lifecycle that is active or deprecated',
  'last-reviewed': 'a date of review',
  'support-contact': 'a support contact',
  cost: 'a price',
  'pinned-definition': 'a definition that was accepted',
};

/** What has to be added to the record of a tool. */
export const lackingOf = (missing: readonly string[]): string[] =>
  missing.filter((name) => name !== 'definition-drifted').map((name) => MISSING_IN_WORDS[name] ?? name);

export const WARNINGS_IN_WORDS: Readonly<Record<CatalogWarning, string>> = {
  'review-is-old': 'reviewed more than a year ago',
  deprecated: 'deprecated',
};

/** The page of a tool. */
export const toolPath = ({ id }: { readonly id: string }): string => {
  const at = id.indexOf('/');
  return `/catalog/${encodeURIComponent(id.slice(0, at))}/${encodeURIComponent(id.slice(at + 1))}`;
};

/** Whether a tool is callable, and if not, why in a word. */
export const ToolState = ({ missing }: { readonly missing: readonly string[] }) => {
  if (missing.includes('definition-drifted')) return <StatusBadge status="held" tone="bad" label="held: changed" />;
  return missing.length > 0 ? (
    <StatusBadge status="incomplete" tone="waiting" label="not callable" />
  ) : (
    <StatusBadge status="ready" label="callable" />
  );
};

const foreign = (text: string | null) =>
  text === null ? (
    <Text span size="sm" c="dimmed">
      none
    </Text>
  ) : (
    <ForeignText text={text} />
  );

export const TOOL_COLUMNS: readonly GridColumn<ToolInList>[] = [
  { id: 'id', header: 'Tool', primary: true, width: 'minmax(14rem, 2fr)', cell: ({ id }) => <ForeignText text={id} /> },
  { id: 'state', header: 'State', width: '9rem', cell: (tool) => <ToolState missing={tool.missing} /> },
  { id: 'owner', header: 'Owner', cell: ({ owner }) => foreign(owner) },
  { id: 'tier', header: 'Tier', width: '7rem', cell: ({ riskTier }) => riskTier ?? foreign(null) },
  {
    id: 'lifecycle',
    header: 'Lifecycle',
    width: '8rem',
    cell: ({ lifecycle }) => (lifecycle === null ? foreign(null) : <StatusBadge status={lifecycle} />),
  },
  {
    id: 'reviewed',
    header: 'Reviewed',
    width: '9rem',
    cell: ({ lastReviewed, warnings }) => (
      <Group gap={4} wrap="nowrap">
        {lastReviewed ?? foreign(null)}
        {warnings.includes('review-is-old') && lastReviewed !== null && <StatusBadge status="old" tone="waiting" label="old" />}
      </Group>
    ),
  },
  { id: 'version', header: 'Version', width: '6rem', cell: ({ version }) => foreign(version) },
];

const count = (many: number, tone: 'bad' | 'waiting') =>
  many === 0 ? '0' : <StatusBadge status={String(many)} tone={tone} label={String(many)} />;

export const SERVER_COLUMNS: readonly GridColumn<CatalogServer>[] = [
  { id: 'server', header: 'Server', primary: true, width: 'minmax(10rem, 1fr)', cell: ({ server }) => <ForeignText text={server} /> },
  {
    id: 'state',
    header: 'State',
    width: '8rem',
    cell: ({ stopped }) => (stopped ? <StatusBadge status="down" label="stopped" /> : <StatusBadge status="active" label="not stopped" />),
  },
  { id: 'tools', header: 'Tools', width: '5rem', align: 'end', cell: ({ tools }) => tools, sortBy: ({ tools }) => tools },
  { id: 'callable', header: 'Callable', width: '6rem', align: 'end', cell: ({ callable }) => callable, sortBy: (row) => row.callable },
  { id: 'held', header: 'Held', width: '5rem', align: 'end', cell: ({ held }) => count(held, 'bad'), sortBy: ({ held }) => held },
  {
    id: 'incomplete',
    header: 'Incomplete',
    width: '7rem',
    align: 'end',
    cell: ({ incomplete }) => count(incomplete, 'waiting'),
    sortBy: ({ incomplete }) => incomplete,
  },
  {
    id: 'old',
    header: 'Old reviews',
    width: '7rem',
    align: 'end',
    cell: ({ reviewsOld }) => count(reviewsOld, 'waiting'),
    sortBy: (row) => row.reviewsOld,
  },
  { id: 'owners', header: 'Owners', cell: ({ owners }) => foreign(owners.join(', ') || null) },
  { id: 'tiers', header: 'Tiers', cell: ({ tiers }) => tiers.join(', ') || foreign(null) },
  { id: 'support', header: 'Support', cell: ({ supportContacts }) => foreign(supportContacts.join(', ') || null) },
];
