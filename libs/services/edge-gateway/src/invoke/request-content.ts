import type { Json, RequestFacts } from '@sallyport/contracts';
import { inspectAndMask, type LocatedFinding } from '@sallyport/domain';
import type { JsonObject } from '@sallyport/mcp';

/** Fields whose value only the upstream that wrote it can read: passed through byte by byte, never shown. */
const OPAQUE_FIELDS: readonly string[] = ['requestState', 'cursor', 'nextCursor'];
const OPAQUE_SHOWN = '[opaque]';
const SHOWN_BYTES_MAX = 16 * 1024;
const SHOWN_CHARS_MAX = 512;
const SHOWN_ITEMS_MAX = 64;
const LABELS_MAX = 64;
const REDACTIONS_MAX = 256;

/** What was found in a JSON value, and its two copies: as readers of the record may see it, and as it may travel. */
export interface InspectedContent {
  readonly labels: string[];
  /** Everything that was found. */
  readonly findings: RequestFacts['redactions'];
  /** All findings masked, at most 16 KiB. */
  readonly shown: Json;
  /** `false` when part of it lay beyond the bounds and was not looked at. */
  readonly isComplete: boolean;
  /** A copy in which the findings of these labels are masked, and where. The value itself when nothing was. */
  mask(labels: ReadonlySet<string>): { readonly value: JsonObject; readonly redactions: RequestFacts['redactions'] };
}

const everything = (): boolean => true;

/** Inspects a JSON object once, with every label masked for readers; copies for travel are made only where a demanded label was found. */
export const inspectContent = (value: JsonObject, depthMax: number): InspectedContent => {
  const [readable, opaque] = withoutOpaque(value);
  const inspected = inspectAndMask(readable, everything, { depthMax });
  const masked = jsonObject(inspected.value);
  const findings = redactionsOf(inspected.redactions);
  return {
    labels: inspected.labels.slice(0, LABELS_MAX),
    findings,
    shown: shownOf(opaque === null ? masked : { ...masked, ...mapValues(opaque, () => OPAQUE_SHOWN) }),
    isComplete: inspected.complete,
    mask: (labels) => {
      if (!inspected.labels.some((label) => labels.has(label))) return { value, redactions: [] };
      const all = inspected.labels.every((label) => labels.has(label));
      const copy = all ? inspected : inspectAndMask(readable, (label) => labels.has(label), { depthMax });
      const travelling = jsonObject(copy.value);
      return { value: opaque === null ? travelling : { ...travelling, ...opaque }, redactions: redactionsOf(copy.redactions) };
    },
  };
};

const withoutOpaque = (value: JsonObject): readonly [JsonObject, JsonObject | null] => {
  const names = OPAQUE_FIELDS.filter((name) => typeof value[name] === 'string');
  if (names.length === 0) return [value, null];
  const readable: Record<string, Json> = {};
  const opaque: Record<string, Json> = {};
  for (const [name, field] of Object.entries(value)) (names.includes(name) ? opaque : readable)[name] = field;
  return [readable, opaque];
};

const mapValues = (object: JsonObject, map: (value: Json) => Json): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));

// The detectors map objects to objects and never change the shape of a value.
const jsonObject = (value: unknown): JsonObject => value as JsonObject;

const redactionsOf = (found: readonly LocatedFinding[]): RequestFacts['redactions'] =>
  found.slice(0, REDACTIONS_MAX).map(({ path, label, detector, count }) => ({ path, label, detector: detector.slice(0, 64), count }));

/** A copy for readers that fits into an event: long texts and lists are cut, and what is still too large is named by its size alone. */
const shownOf = (masked: Json): Json => {
  const text = JSON.stringify(masked);
  if (text.length <= SHOWN_BYTES_MAX && Buffer.byteLength(text) <= SHOWN_BYTES_MAX) return masked;
  const cut = shortened(masked);
  return Buffer.byteLength(JSON.stringify(cut)) <= SHOWN_BYTES_MAX
    ? cut
    : { omitted: 'larger than 16 KiB', bytes: Buffer.byteLength(text) };
};

const shortened = (value: Json): Json => {
  if (typeof value === 'string') return value.length <= SHOWN_CHARS_MAX ? value : `${value.slice(0, SHOWN_CHARS_MAX)}…`;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, SHOWN_ITEMS_MAX).map(shortened);
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, SHOWN_ITEMS_MAX)
      .map(([name, field]) => [name.slice(0, SHOWN_CHARS_MAX), shortened(field)]),
  );
};

/** Whether a value nests deeper than `depthMax` levels of objects and arrays. Looks no deeper than that. */
export const isDeeperThan = (value: Json, depthMax: number): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (depthMax === 0) return true;
  const children: readonly Json[] = Array.isArray(value) ? value : Object.values(value);
  return children.some((child) => isDeeperThan(child, depthMax - 1));
};
