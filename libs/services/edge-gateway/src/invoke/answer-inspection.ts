import { AppError, type EventData, type Json } from '@sallyport/contracts';
import { isJsonObject, type JsonObject } from '@sallyport/mcp';
import type { KeyedDigests } from './call-identity.js';
import { type InspectedContent, inspectContent } from './request-content.js';

type Completed = EventData<'ToolCallCompleted'>;
type Decision = EventData<'PolicyDecided'>;

const DEPTH_MAX = 64;
const REDACTIONS_MAX = 256;
const LABELS_MAX = 64;
const REQUESTS_MAX = 32;

/** The final message as it may be released, and what is recorded of it. */
export interface InspectedAnswer {
  readonly released: JsonObject;
  readonly record: Pick<
    Completed,
    'outcome' | 'upstreamCode' | 'outputHash' | 'outputMasked' | 'outputBytes' | 'labels' | 'redactions' | 'interim'
  >;
  /** Kinds of input the upstream asks for; `null` when the answer is complete. */
  readonly inputRequests: string[] | null;
}

const NO_LABELS: ReadonlySet<string> = new Set();

/** Labels of every obligation of a kind, together. */
export const obligedLabels = (decision: Decision, type: 'mask-arguments' | 'mask-result' | 'taint'): ReadonlySet<string> =>
  decision.obligations.length === 0
    ? NO_LABELS
    : new Set(decision.obligations.flatMap((obligation) => (obligation.type === type ? obligation.labels : [])));

/**
 * Looks at everything an upstream says in one call before the client sees it: labels it, masks what the decision demands, and keeps a copy with
 * every finding masked for the record. One object per call, from its first interim message to its last.
 */
export class AnswerInspection {
  private readonly maskLabels: ReadonlySet<string>;
  private readonly labels: Set<string>;
  private readonly redactions: Completed['redactions'] = [];
  private interimCount = 0;
  private interimDigest: string | null = null;

  constructor(
    private readonly tenantId: string,
    private readonly digests: KeyedDigests,
    decision: Decision,
  ) {
    this.maskLabels = obligedLabels(decision, 'mask-result');
    this.labels = new Set(obligedLabels(decision, 'taint'));
  }

  /** A notification or a request of the upstream, which is sent on at once. Throws `upstream.answer-invalid` when it is too deep to be looked at. */
  interim(message: JsonObject): JsonObject {
    const released = this.replacePayload(message, (payload) => this.look(payload).value);
    this.interimCount++;
    this.interimDigest = this.digests.keyedDigest(this.tenantId, 'interim', `${this.interimDigest ?? ''}\n${JSON.stringify(released)}`);
    return released;
  }

  /** The response. Throws `upstream.answer-invalid` when it is too deep to be looked at. */
  final(message: JsonObject): InspectedAnswer {
    let shown: Json = null;
    const released = this.replacePayload(message, (payload) => {
      const looked = this.look(payload);
      shown = looked.content.shown;
      return looked.value;
    });
    const output = JSON.stringify(released.result ?? released.error ?? null);
    return {
      released,
      record: { ...outcomeOf(message), ...this.recordOf(output, shown) },
      inputRequests: inputRequestsOf(message),
    };
  }

  /** An answer without a message. */
  empty(upstreamCode: string | null): InspectedAnswer['record'] {
    return { outcome: upstreamCode === null ? 'ok' : 'protocol-error', upstreamCode, ...this.recordOf('', null) };
  }

  private recordOf(output: string, shown: Json) {
    return {
      outputHash: this.digests.keyedDigest(this.tenantId, 'output', output),
      outputMasked: shown,
      outputBytes: Buffer.byteLength(output),
      labels: [...this.labels].sort().slice(0, LABELS_MAX),
      redactions: this.redactions,
      interim: { count: this.interimCount, digest: this.interimDigest },
    };
  }

  private look(payload: JsonObject): { readonly value: JsonObject; readonly content: InspectedContent } {
    const content = inspectContent(payload, DEPTH_MAX);
    if (!content.isComplete)
      throw new AppError('upstream.answer-invalid', 'the answer is too deep or too large to be inspected', { detail: { reached: 'yes' } });
    for (const label of content.labels) this.labels.add(label);
    const { value, redactions } = content.mask(this.maskLabels);
    this.redactions.push(...redactions.slice(0, REDACTIONS_MAX - this.redactions.length));
    return { value, content };
  }

  private replacePayload(message: JsonObject, look: (payload: JsonObject) => JsonObject): JsonObject {
    let changed: Record<string, Json> | null = null;
    for (const name of ['params', 'result', 'error'] as const) {
      const payload = message[name];
      if (!isJsonObject(payload)) continue;
      const looked = look(payload);
      if (looked !== payload) {
        changed ??= { ...message };
        changed[name] = looked;
      }
    }
    return changed ?? message;
  }
}

const outcomeOf = (message: JsonObject): Pick<Completed, 'outcome' | 'upstreamCode'> => {
  if (isJsonObject(message.error)) return { outcome: 'protocol-error', upstreamCode: String(message.error.code).slice(0, 64) };
  if (isJsonObject(message.result) && message.result.isError === true) return { outcome: 'tool-error', upstreamCode: null };
  return { outcome: 'ok', upstreamCode: null };
};

const inputRequestsOf = (message: JsonObject): string[] | null => {
  if (!isJsonObject(message.result) || message.result.resultType !== 'input_required') return null;
  const requests = isJsonObject(message.result.inputRequests) ? Object.values(message.result.inputRequests) : [];
  const methods = requests.map((request) =>
    isJsonObject(request) && typeof request.method === 'string' ? request.method.slice(0, 128) : 'unknown',
  );
  return methods.slice(0, REQUESTS_MAX);
};
