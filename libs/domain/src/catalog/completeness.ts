import type { ToolRecord } from '@sallyport/contracts';

/** What a record says before anybody asked whether that is enough. */
export type UnjudgedToolRecord = Omit<ToolRecord, 'missing'>;

/** Entries of `missing`. The names are public: the catalog API, the CLI and the console show them. */
export const MISSING = {
  owner: 'owner',
  dataDomain: 'data-domain',
  riskTier: 'risk-tier',
  version: 'version',
  lifecycle: 'lifecycle',
  lastReviewed: 'last-reviewed',
  supportContact: 'support-contact',
  cost: 'cost',
  pin: 'pinned-definition',
  /** The upstream describes the tool otherwise than it was pinned: held until a person accepts the new definition. */
  drift: 'definition-drifted',
} as const;

/**
 * Names everything that keeps a tool from being called; empty means callable. A draft or retired tool misses its `lifecycle`.
 * An old review is no reason here: see `reviewIsOld`.
 */
export const missingOf = (record: UnjudgedToolRecord): string[] => {
  const missing: string[] = [];
  const need = (present: boolean, name: string): void => {
    if (!present) missing.push(name);
  };
  need(filled(record.owner), MISSING.owner);
  need(filled(record.dataDomain), MISSING.dataDomain);
  need(record.riskTier !== null, MISSING.riskTier);
  need(filled(record.version), MISSING.version);
  need(record.lifecycle === 'active' || record.lifecycle === 'deprecated', MISSING.lifecycle);
  need(record.lastReviewed !== null, MISSING.lastReviewed);
  need(filled(record.supportContact), MISSING.supportContact);
  need(record.costMicros !== null && record.currency !== null, MISSING.cost);
  need(record.pinnedDigest !== null, MISSING.pin);
  need(record.driftedDigest === null, MISSING.drift);
  return missing;
};

/** The record with its `missing` worked out anew. */
export const judged = (record: UnjudgedToolRecord): ToolRecord => ({ ...record, missing: missingOf(record) });

/** Whether the last review is longer ago than `daysMax`, or never happened. `today` is `YYYY-MM-DD`. A warning for the owner, no bar to a call. */
export const reviewIsOld = (record: Pick<ToolRecord, 'lastReviewed'>, today: string, daysMax: number): boolean => {
  if (record.lastReviewed === null) return true;
  return dayNumber(today) - dayNumber(record.lastReviewed) > daysMax;
};

const filled = (text: string | null): boolean => text !== null && text.trim() !== '';

/** Days since 1 March of year 0 in the Gregorian calendar: the domain has no clock, and differences are all that is asked. */
const dayNumber = (date: string): number => {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  const shifted = month <= 2 ? year - 1 : year;
  const monthFromMarch = (month + 9) % 12;
  return (
    365 * shifted +
    Math.floor(shifted / 4) -
    Math.floor(shifted / 100) +
    Math.floor(shifted / 400) +
    Math.floor((153 * monthFromMarch + 2) / 5) +
    day
  );
};
