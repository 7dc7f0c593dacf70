import { decodeBase64, encodeBase64 } from './base64.js';
import { builtInDetector } from './built-in-detector.js';
import { CONTENT_LABELS, type ContentDetector, type ContentLabel, type Finding } from './content-detector.port.js';
import { maskFindings } from './mask-text.js';

/** Where something was found, and how often. The path is a JSON pointer (RFC 6901) with masked keys; the value is never part of it. */
export interface LocatedFinding {
  readonly path: string;
  readonly label: ContentLabel;
  readonly detector: string;
  readonly count: number;
}

/** What is in a JSON value, without showing any of it. */
export interface Inspection {
  /** Every label found, each once, sorted; complete even where `findings` is cut. */
  readonly labels: readonly ContentLabel[];
  readonly findings: readonly LocatedFinding[];
  /** How many further places were found after `findings` was full. */
  readonly findingsOmitted: number;
  /** `false` when the value was deeper or larger than the bounds: part of it was not looked at, and the caller must refuse or drop it. */
  readonly complete: boolean;
}

/** An inspection together with the copy in which the findings to mask are replaced. */
export interface MaskedInspection extends Inspection {
  /** The masked copy. It is the value itself when nothing was masked, and shares every unchanged part with it. */
  readonly value: unknown;
  readonly redactions: readonly LocatedFinding[];
}

export interface InspectOptions {
  readonly detector?: ContentDetector;
  /** Levels of objects and arrays that are looked into. Default 64. */
  readonly depthMax?: number;
  /** Values and keys that are looked at. Default 200 000. */
  readonly nodesMax?: number;
  /** Places listed in `findings` and in `redactions`. Default 256. */
  readonly findingsMax?: number;
  /**
   * Texts that are not looked at. Default `isOpaqueBlob`: long base64 beside a `mimeType` that is not text.
   *
   * > [!WARNING]
   * > What is skipped travels unmasked and unlabelled.
   */
  readonly skip?: (text: string, key: string, holder: object) => boolean;
}

/** Stands in the masked copy for a part that lies beyond the bounds and was not looked at. */
export const UNINSPECTED = '[content.uninspected]';

const DEPTH_MAX = 64;
const NODES_MAX = 200_000;
const FINDINGS_MAX = 256;
const PATH_CHARS_MAX = 512;
const TEXT_MIME_TYPE = /^text\/|[/+](?:json|xml|yaml|csv|toml|javascript|ecmascript|x-www-form-urlencoded|x-sh|sql|pem-file)\b/i;
const BASE64_CHARS_MIN = 256;
const BASE64 = /^[A-Za-z0-9+/\r\n]+={0,2}\s*$/;

const mimeTypeBeside = (holder: object, key: string): string | null => {
  if (key !== 'data' && key !== 'blob') return null;
  const mimeType: unknown = Object.hasOwn(holder, 'mimeType') ? Reflect.get(holder, 'mimeType') : undefined;
  return typeof mimeType === 'string' ? mimeType : null;
};

/** Whether a text is binary content of MCP: 256 characters or more of pure base64 as `data` or `blob` beside a `mimeType` that is not text. */
export const isOpaqueBlob = (text: string, key: string, holder: object): boolean => {
  const mimeType = mimeTypeBeside(holder, key);
  return mimeType !== null && !TEXT_MIME_TYPE.test(mimeType) && text.length >= BASE64_CHARS_MIN && BASE64.test(text);
};

const decodeUtf8 = (base64: string): string | null => {
  const bytes = BASE64.test(base64) ? decodeBase64(base64) : null;
  try {
    return bytes === null ? null : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

const everything = (): boolean => true;

class Inspector {
  private readonly detector: ContentDetector;
  private readonly depthMax: number;
  private readonly findingsMax: number;
  private readonly skip: (text: string, key: string, holder: object) => boolean;
  private readonly path: (string | number)[] = [];
  private readonly labels = new Set<ContentLabel>();
  private readonly findings = new Map<string, LocatedFinding>();
  private readonly redactions = new Map<string, LocatedFinding>();
  private findingsOmitted = 0;
  private nodesLeft: number;
  private complete = true;

  constructor(
    private readonly shouldMask: ((label: ContentLabel) => boolean) | null,
    options: InspectOptions,
  ) {
    this.detector = options.detector ?? builtInDetector;
    this.depthMax = options.depthMax ?? DEPTH_MAX;
    this.nodesLeft = options.nodesMax ?? NODES_MAX;
    this.findingsMax = options.findingsMax ?? FINDINGS_MAX;
    this.skip = options.skip ?? isOpaqueBlob;
  }

  run(value: unknown): MaskedInspection {
    const masked = this.visit(value, '', 0, null);
    return {
      value: masked,
      labels: [...this.labels].sort(),
      findings: [...this.findings.values()],
      findingsOmitted: this.findingsOmitted,
      complete: this.complete,
      redactions: [...this.redactions.values()],
    };
  }

  private visit(value: unknown, key: string, depth: number, holder: object | null): unknown {
    if (this.nodesLeft-- <= 0) return this.uninspected(value);
    if (typeof value === 'string') return this.visitText(value, key, holder);
    if (typeof value === 'number') return Number.isInteger(value) ? this.visitNumber(value, key) : value;
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= this.depthMax) return this.uninspected(value);
    return Array.isArray(value) ? this.visitArray(value, key, depth) : this.visitObject(value, depth);
  }

  private uninspected(value: unknown): unknown {
    this.complete = false;
    return this.shouldMask === null ? value : UNINSPECTED;
  }

  private visitNumber(value: number, key: string): number | string {
    const text = String(value);
    const masked = this.maskOne(text, key);
    return masked === text ? value : masked;
  }

  private visitText(text: string, key: string, holder: object | null): string {
    if (holder !== null) {
      const field = this.path.at(-1);
      const name = typeof field === 'string' ? field : '';
      if (this.skip(text, name, holder)) return text;
      const mimeType = mimeTypeBeside(holder, name);
      const content = mimeType !== null && TEXT_MIME_TYPE.test(mimeType) ? decodeUtf8(text) : null;
      if (content !== null) {
        const masked = this.maskOne(content, key);
        return masked === content ? text : encodeBase64(new TextEncoder().encode(masked));
      }
    }
    return this.maskOne(text, key);
  }

  private maskOne(text: string, key: string): string {
    const context = key === '' ? undefined : { key };
    if (this.shouldMask === null) {
      this.note(this.findings, this.detector.detect(text, context));
      return text;
    }
    const { text: masked, found, masked: redacted } = maskFindings(this.detector, text, this.shouldMask, context);
    this.note(this.findings, found);
    this.note(this.redactions, redacted);
    for (const finding of redacted) this.labels.add(finding.label);
    return masked;
  }

  private visitArray(items: readonly unknown[], key: string, depth: number): unknown {
    let copy: unknown[] | null = null;
    for (let i = 0; i < items.length; i++) {
      this.path.push(i);
      const masked = this.visit(items[i], key, depth + 1, null);
      this.path.pop();
      if (masked !== items[i]) {
        copy ??= [...items];
        copy[i] = masked;
      }
    }
    return copy ?? items;
  }

  private visitObject(object: object, depth: number): unknown {
    const entries: [string, unknown][] = [];
    let changed = false;
    for (const [key, value] of Object.entries(object)) {
      const shownKey = this.visitKey(key);
      const masked = this.visit(value, this.contextKey(object, key), depth + 1, object);
      this.path.pop();
      changed ||= masked !== value || shownKey !== key;
      entries.push([shownKey, masked]);
    }
    return changed ? withUniqueKeys(object, entries) : object;
  }

  /** `{"name": "DB_PASSWORD", "value": "x"}` says of the value what `{"DB_PASSWORD": "x"}` says. */
  private contextKey(object: object, key: string): string {
    if (key !== 'value') return key;
    const name: unknown = Reflect.get(object, 'name') ?? Reflect.get(object, 'key');
    return typeof name === 'string' ? name : key;
  }

  /** Leaves the key on the path, masked whatever its label: a path must not show what the value hides. */
  private visitKey(key: string): string {
    this.nodesLeft--;
    const found = this.detector.detect(key);
    if (found.length === 0) {
      this.path.push(key);
      return key;
    }
    this.path.push(maskFindings(this.detector, key, everything).text);
    this.note(this.findings, found);
    if (this.shouldMask === null) return key;
    const { text, masked } = maskFindings(this.detector, key, this.shouldMask);
    this.note(this.redactions, masked);
    return text;
  }

  private note(into: Map<string, LocatedFinding>, found: readonly Finding[]): void {
    if (found.length === 0) return;
    const path = this.pointer();
    for (const { label, detector } of found) {
      this.labels.add(label);
      const id = `${path} ${label} ${detector}`;
      const before = into.get(id);
      if (before !== undefined) into.set(id, { ...before, count: before.count + 1 });
      else if (into.size < this.findingsMax) into.set(id, { path, label, detector, count: 1 });
      else if (into === this.findings) this.findingsOmitted++;
    }
  }

  private pointer(): string {
    const pointer = this.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    return pointer.length <= PATH_CHARS_MAX ? pointer : `${pointer.slice(0, PATH_CHARS_MAX)}…`;
  }
}

/** Builds an object from entries whose masked keys may coincide: the second `[pii.email]` becomes `[pii.email]#2`. */
const withUniqueKeys = (original: object, entries: readonly [string, unknown][]): object => {
  const copy = {};
  const used = new Map<string, number>();
  for (const [key, value] of entries) {
    let unique = key;
    let n = used.get(key) ?? 1;
    while (Object.hasOwn(copy, unique) || (unique !== key && Object.hasOwn(original, unique))) unique = `${key}#${++n}`;
    used.set(key, n);
    // Defined, not assigned: a key named __proto__ is data here.
    Object.defineProperty(copy, unique, { value, enumerable: true, configurable: true, writable: true });
  }
  return copy;
};

/** Names what is in a JSON value: texts, integers and object keys, at every level. Changes nothing and never throws. */
export const inspect = (value: unknown, options: InspectOptions = {}): Inspection => {
  const { labels, findings, findingsOmitted, complete } = new Inspector(null, options).run(value);
  return { labels, findings, findingsOmitted, complete };
};

/**
 * Inspects a JSON value and masks the findings whose label `shouldMask` accepts, in one walk. Masked integers become texts, masked keys stay
 * unique, what lies beyond the bounds becomes `UNINSPECTED`. Masking the outcome again changes nothing and returns it as it is. Never throws.
 */
export const inspectAndMask = (
  value: unknown,
  shouldMask: (label: ContentLabel) => boolean,
  options: InspectOptions = {},
): MaskedInspection => new Inspector(shouldMask, options).run(value);

/** Masks the given labels, or all of them, in a JSON value. The value itself comes back when nothing was masked. */
export const mask = (
  value: unknown,
  labels: readonly ContentLabel[] | 'all' = 'all',
  options: InspectOptions = {},
): Pick<MaskedInspection, 'value' | 'redactions' | 'complete'> => {
  const due = new Set<ContentLabel>(labels === 'all' ? CONTENT_LABELS : labels);
  const { value: masked, redactions, complete } = inspectAndMask(value, (label) => due.has(label), options);
  return { value: masked, redactions, complete };
};
