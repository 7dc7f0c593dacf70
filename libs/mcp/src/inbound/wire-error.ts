import { AppError, type ErrorCode, type PublicDetail } from '@sallyport/contracts';
import type { JsonObject, RequestId } from '../json/json-types.js';

export interface WireErrorOptions {
  readonly cause?: unknown;
  readonly detail?: PublicDetail;
  /** The id to echo; `null` where the request had none that could be read. */
  readonly id?: RequestId | null;
  /** `error.data` of the JSON-RPC answer where the specification fixes it. */
  readonly data?: JsonObject;
  /** What the client may read beside the summary of the code; names facts of the client's own request only. */
  readonly reason?: string;
}

/** A fault of a request on the wire: an `AppError` that knows what the JSON-RPC answer must echo. Nothing was sent anywhere. */
export class WireError extends AppError {
  readonly id: RequestId | null;
  readonly data: JsonObject | null;
  readonly reason: string | null;

  constructor(code: ErrorCode, internal: string, options: WireErrorOptions = {}) {
    super(code, internal, { cause: options.cause, detail: options.detail });
    this.name = 'WireError';
    this.id = options.id ?? null;
    this.data = options.data ?? null;
    this.reason = options.reason ?? null;
  }

  /** Status of the HTTP answer. */
  get httpStatus(): number {
    return this.definition.http;
  }

  /** Code of the JSON-RPC error. */
  get rpcCode(): number {
    return this.definition.rpc;
  }
}
