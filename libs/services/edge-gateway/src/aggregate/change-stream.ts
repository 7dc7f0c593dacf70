import { type JsonObject, META_ENVELOPE, type RequestId } from '@sallyport/mcp';
import type { CatalogView } from '../catalog-view/catalog-view.js';
import type { ReplyStream } from '../http/reply-stream.js';

export interface ChangeStreamOptions {
  readonly stream: ReplyStream;
  readonly catalog: Pick<CatalogView, 'onChange'>;
  readonly tenantId: string;
  readonly callId: string;
  /** Id of the `subscriptions/listen` request that every message carries; `null` on a GET stream of the session revisions. */
  readonly subscriptionId: RequestId | null;
  /** First message of the stream. */
  readonly acknowledgement: JsonObject | null;
  /** Whether the client wants to hear of changed tools. */
  readonly toolsListChanged: boolean;
  readonly keepAliveMs: number;
  /** Aborted when the client hangs up, or when the stream's time is over. */
  readonly hangUp: AbortSignal;
  readonly over: AbortSignal;
}

/** One change of policy is many records: they are told of once. */
const GATHER_MS = 100;
const COMMENT = ':\n\n';

const changed = (subscriptionId: RequestId | null): JsonObject => ({
  jsonrpc: '2.0',
  method: 'notifications/tools/list_changed',
  ...(subscriptionId === null ? {} : { params: { _meta: { [META_ENVELOPE.subscriptionId]: subscriptionId } } }),
});

const ended = (subscriptionId: RequestId): JsonObject => ({
  jsonrpc: '2.0',
  id: subscriptionId,
  result: { resultType: 'complete', _meta: { [META_ENVELOPE.subscriptionId]: subscriptionId } },
});

/** The parts of `notifications` that are honoured here: changes of the tool list, and nothing else there is. */
export const honoured = (params: JsonObject): JsonObject => {
  const { notifications } = params;
  const wanted = typeof notifications === 'object' && notifications !== null && Reflect.get(notifications, 'toolsListChanged') === true;
  return wanted ? { toolsListChanged: true } : {};
};

/** Keeps a stream open and tells of changes until the client hangs up or its time is over; then it ends as the protocol ends one. */
export const holdChangeStream = async (options: ChangeStreamOptions): Promise<void> => {
  const { stream, catalog, tenantId, subscriptionId, hangUp, over } = options;
  stream.begin(200, options.callId, { 'content-type': 'text/event-stream' });
  if (options.acknowledgement !== null) await stream.event(options.acknowledgement);
  let gathering: NodeJS.Timeout | null = null;
  const stopListening = options.toolsListChanged
    ? catalog.onChange((changedTenant) => {
        if (changedTenant !== tenantId || gathering !== null) return;
        gathering = setTimeout(() => {
          gathering = null;
          void stream.event(changed(subscriptionId));
        }, GATHER_MS);
      })
    : () => {};
  const keepAlive = setInterval(() => void stream.write(COMMENT), options.keepAliveMs);
  const end = AbortSignal.any([hangUp, over]);
  try {
    if (!end.aborted) await new Promise<void>((resolve) => end.addEventListener('abort', () => resolve(), { once: true }));
  } finally {
    clearInterval(keepAlive);
    if (gathering !== null) clearTimeout(gathering);
    stopListening();
  }
  if (!hangUp.aborted && subscriptionId !== null) await stream.event(ended(subscriptionId));
  stream.end();
};
