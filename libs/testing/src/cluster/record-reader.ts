import { AuditVerification, CallDetail, CallPage, type CallRecord, RejectionPage, type StoredEvent } from '@sallyport/contracts';
import { until } from './until.js';

/** A call as the record tells it, once it has ended. */
export interface RecordedCall {
  readonly call: CallRecord;
  readonly events: readonly StoredEvent[];
  /** Types of the events, each as often as it is there, in the order of the record. */
  readonly types: readonly string[];
}

/** Reads the record through the audit projector's HTTP API, as an auditor does. */
export class RecordReader {
  constructor(
    private readonly auditUrl: string,
    private readonly token: () => Promise<string>,
  ) {}

  /** One call with its events, as soon as its end and everything it rests on are on record. */
  async call(callId: string, deadlineMs = 30_000): Promise<RecordedCall> {
    return await until(
      `call ${callId} is on record with its end`,
      async () => {
        const { record: call, events } = CallDetail.parse(await this.get(`/v1/audit/calls/${encodeURIComponent(callId)}`));
        const types = events.map((event) => event.type);
        if (call === null || call.outcome === 'pending') return undefined;
        const restsOnDecision = types.some((type) => type === 'ToolCallDispatched' || type === 'ToolCallCompleted');
        if (restsOnDecision && !types.includes('PolicyDecided')) return undefined;
        return { call, events, types };
      },
      deadlineMs,
    );
  }

  /** Calls that fit a query of `GET /v1/audit/calls`, newest first. */
  async calls(query: Readonly<Record<string, string>> = {}): Promise<readonly CallRecord[]> {
    return CallPage.parse(await this.get(`/v1/audit/calls?${new URLSearchParams(query).toString()}`)).calls;
  }

  /** The calls of a trace, once there is one that has ended. */
  async callOfTrace(traceId: string, method = 'tools/call', deadlineMs = 30_000): Promise<RecordedCall> {
    const found = await until(
      `a call of trace ${traceId} is on record`,
      async () => (await this.calls({ traceId })).find((call) => call.method === method),
      deadlineMs,
    );
    return await this.call(found.callId, deadlineMs);
  }

  /** Requests that were turned away with this code, once there are any. */
  async rejections(code: string, deadlineMs = 30_000): Promise<RejectionPage['rejections']> {
    return await until(
      `a rejection with ${code} is on record`,
      async () => {
        const { rejections } = RejectionPage.parse(await this.get(`/v1/audit/rejections?code=${encodeURIComponent(code)}`));
        return rejections.length > 0 ? rejections : undefined;
      },
      deadlineMs,
    );
  }

  /** What `GET /v1/audit/verify` finds. */
  async verify(): Promise<AuditVerification> {
    return AuditVerification.parse(await this.get('/v1/audit/verify'));
  }

  private async get(path: string): Promise<unknown> {
    const response = await fetch(`${this.auditUrl}${path}`, {
      headers: { authorization: `Bearer ${await this.token()}` },
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }
}
