import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { OutboxPublisher } from '@sallyport/log';
import { BUDGET_PORTS, type BudgetAccountantPorts } from './budget-accountant.ports.js';
import { AccountCalls } from './ledger/account-calls.js';
import { AccountantController } from './ledger/accountant.controller.js';
import { LedgerStore } from './ledger/ledger.store.js';
import { Terms } from './ledger/terms.js';
import { Limits } from './limits/limits.js';
import { TakePrices } from './prices/take-prices.js';
import { BudgetsController } from './statements/budgets.controller.js';
import { Statements } from './statements/statements.js';
import { LedgerUpkeep } from './upkeep/ledger-upkeep.js';

/** Starts what runs beside the batches with the application, and ends it before the database goes. */
@Injectable()
class LedgerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(LedgerUpkeep) private readonly upkeep: LedgerUpkeep) {}

  onApplicationBootstrap(): void {
    this.upkeep.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.upkeep.stop();
  }
}

/**
 * The budget accountant: holds before a call, settles after it, says what is left. Creating it publishes what was left over and puts the
 * declared limits in force: it throws `store.unavailable`, and is then not there at all. Database and log are the caller's to open and close.
 */
@Module({})
export class BudgetAccountantModule {
  static forRoot(ports: BudgetAccountantPorts): DynamicModule {
    const { database, log } = ports;
    const outbox = new OutboxPublisher(database, log, ports.logInSameDatabase);
    const store = new LedgerStore(database);
    const terms = new Terms();
    return {
      module: BudgetAccountantModule,
      controllers: [AccountantController, BudgetsController],
      providers: [
        { provide: BUDGET_PORTS, useValue: ports },
        { provide: AccountCalls, useValue: new AccountCalls(ports, store, terms, outbox) },
        { provide: TakePrices, useValue: new TakePrices(ports, store, outbox) },
        { provide: Statements, useValue: new Statements(database) },
        { provide: LedgerUpkeep, useValue: new LedgerUpkeep(ports, store, terms, outbox) },
        {
          provide: Limits,
          useFactory: async () => {
            await outbox.publishLeftovers();
            const limits = new Limits(ports, store, outbox);
            await limits.applyDeclared(ports.declared);
            return limits;
          },
        },
        LedgerLifecycle,
      ],
      exports: [LedgerUpkeep],
    };
  }
}
