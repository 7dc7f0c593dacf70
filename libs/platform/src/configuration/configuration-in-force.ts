import type { SallyportConfiguration } from './schema.js';

/** What belongs to the process and to no tenant. */
const SECTIONS = ['gateway', 'stdioHost', 'policies', 'catalog', 'log', 'database', 'sealing', 'audit', 'telemetry'] as const;
/** Texts that are words of the schema, and no names, addresses or secrets. */
const WORDS = /^(log\.kind|log\.kafka\.sasl\.mechanism|gateway\.instanceId)$/;

/** One setting: what is no number, switch or word of the schema is only told to be `set`. */
export interface SettingInForce {
  readonly key: string;
  readonly value: number | boolean | string;
}

/**
 * The configuration as people may see it: numbers, switches and a few words by name; of every other text only that it is `set`. A secret is a
 * text, so none can be told, whatever section it is ever put in. Nothing of tenants.
 */
export const configurationInForce = (configuration: SallyportConfiguration): readonly SettingInForce[] =>
  SECTIONS.flatMap((section) => settingsIn(section, configuration[section]));

const settingsIn = (key: string, value: unknown): readonly SettingInForce[] => {
  if (value === null || value === undefined) return [];
  if (typeof value === 'number' || typeof value === 'boolean') return [{ key, value }];
  if (typeof value === 'string') return [{ key, value: WORDS.test(key) ? value : 'set' }];
  if (Array.isArray(value)) return [{ key, value: value.length === 0 ? 'none' : 'set' }];
  if (typeof value === 'object') return Object.entries(value).flatMap(([name, inner]) => settingsIn(`${key}.${name}`, inner));
  return [];
};
