import type { Json } from '@sallyport/contracts';
import { META_ENVELOPE } from '../inbound/envelope.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import type { HttpExchange } from './http-exchange.js';

const CHANGES: ReadonlyMap<string, string> = new Map([
  ['notifications/tools/list_changed', 'toolsListChanged'],
  ['notifications/prompts/list_changed', 'promptsListChanged'],
  ['notifications/resources/list_changed', 'resourcesListChanged'],
]);
const MAX_SUBSCRIPTIONS = 256;

const textsOf = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string').slice(0, MAX_SUBSCRIPTIONS) : [];

const supports = (capabilities: Json | undefined, area: string, feature: string): boolean =>
  isJsonObject(capabilities) && isJsonObject(capabilities[area]) && capabilities[area][feature] === true;

/** One open `subscriptions/listen` (2026-07-28, subscriptions). */
export class Listener {
  /** Resources it wants to hear of. */
  readonly uris: ReadonlySet<string>;
  private readonly kinds: ReadonlySet<string>;

  constructor(
    private readonly id: RequestId,
    wanted: JsonObject,
    capabilities: Json | undefined,
    private readonly exchange: HttpExchange,
  ) {
    this.kinds = new Set(
      ['tools', 'prompts', 'resources']
        .map((area) => [area, `${area}ListChanged`] as const)
        .filter(([area, kind]) => wanted[kind] === true && supports(capabilities, area, 'listChanged'))
        .map(([, kind]) => kind),
    );
    this.uris = new Set(supports(capabilities, 'resources', 'subscribe') ? textsOf(wanted.resourceSubscriptions) : []);
  }

  /** Says first what will be heard of; ends at once when that is nothing. */
  acknowledge(): boolean {
    const honoured: Record<string, Json> = {};
    for (const kind of this.kinds) honoured[kind] = true;
    if (this.uris.size > 0) honoured.resourceSubscriptions = [...this.uris];
    this.exchange.interim(this.tagged('notifications/subscriptions/acknowledged', { notifications: honoured }));
    if (this.kinds.size + this.uris.size > 0) return true;
    const meta = { [META_ENVELOPE.subscriptionId]: this.id };
    this.exchange.final(200, { jsonrpc: '2.0', id: this.id, result: { resultType: 'complete', _meta: meta } });
    return false;
  }

  hear(method: string, params: JsonObject): void {
    const kind = CHANGES.get(method);
    const wanted = kind === undefined ? typeof params.uri === 'string' && this.uris.has(params.uri) : this.kinds.has(kind);
    if (wanted) this.exchange.interim(this.tagged(method, params));
  }

  fail(): void {
    this.exchange.fail();
  }

  private tagged(method: string, params: JsonObject): JsonObject {
    const meta = isJsonObject(params._meta) ? params._meta : {};
    return { jsonrpc: '2.0', method, params: { ...params, _meta: { ...meta, [META_ENVELOPE.subscriptionId]: this.id } } };
  }
}
