import type { EventData } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import type { LocalExchange } from './exchange.port.js';

type Decision = EventData<'PolicyDecided'>;

/** An answer of the gateway's own, computed from the decision; kept here once it is inspected and on record. */
export class LocalAnswer implements LocalExchange {
  readonly kind = 'local';
  released: JsonObject | null = null;

  constructor(
    private readonly compute: (decision: Decision, callId: string) => JsonObject,
    private readonly hold: (answer: JsonObject) => Promise<void> = () => Promise.resolve(),
  ) {}

  answer(decision: Decision, callId: string): Promise<JsonObject> {
    return Promise.resolve(this.compute(decision, callId));
  }

  async release(answer: JsonObject): Promise<void> {
    this.released = answer;
    await this.hold(answer);
  }
}
