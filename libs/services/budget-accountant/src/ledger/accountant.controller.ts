import { Controller, Inject } from '@nestjs/common';
import { OnLogBatch, type RecordBatch } from '@sallyport/log';
import { ACCOUNTANT_GROUP, PRICES_GROUP } from '../budget-accountant.ports.js';
import { TakePrices } from '../prices/take-prices.js';
import { AccountCalls } from './account-calls.js';
import { isAccountable, isReservation } from './command-of.js';

/** Wake-ups cost more than work, and nobody waits for a settlement. */
const GATHER_MS = 50;

/** What the accountant hears on the log. */
@Controller()
export class AccountantController {
  constructor(
    @Inject(AccountCalls) private readonly calls: AccountCalls,
    @Inject(TakePrices) private readonly prices: TakePrices,
  ) {}

  @OnLogBatch({
    group: ACCOUNTANT_GROUP,
    topics: ['tool-call.events.v1'],
    accept: isAccountable,
    urgent: isReservation,
    pauseMs: GATHER_MS,
  })
  onCalls(batch: RecordBatch): Promise<void> {
    return this.calls.handle(batch);
  }

  /** A tool whose record cannot be read keeps its last price; the others go on. */
  @OnLogBatch({ group: PRICES_GROUP, topics: ['catalog.state.v1'], poison: 'continue' })
  onCatalog(batch: RecordBatch): Promise<void> {
    return this.prices.handle(batch);
  }
}
