import { AppError } from '@sallyport/contracts';
import { type LogRecord, OutboxPublisher, type StagedRecords } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import type { ApprovalPorts } from './approval.ports.js';

/** Brings what was decided to the log: staged with the state, published after the commit, tried again until it is there. */
export class ApprovalOutbox {
  private readonly publisher: OutboxPublisher;
  private behind = true;

  constructor(private readonly ports: Pick<ApprovalPorts, 'database' | 'log' | 'logInSameDatabase' | 'onFault'>) {
    this.publisher = new OutboxPublisher(ports.database, ports.log, ports.logInSameDatabase);
  }

  /** The last statement of a transaction. */
  stage(tx: Sql, records: readonly LogRecord[]): Promise<StagedRecords> {
    return this.publisher.stage(tx, records);
  }

  /** After the commit. Never rejects for a log that is away: what is staged goes out with the next one, or by `retry`. */
  async publish(staged: StagedRecords): Promise<void> {
    await this.attempt(() => this.publisher.publish(staged));
  }

  /** Publishes what could not be before. Costs nothing when there is nothing. */
  async retry(): Promise<void> {
    if (this.behind) await this.attempt(() => this.publisher.publishLeftovers());
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.behind = false;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.behind = true;
      this.ports.onFault('publishing what was decided; it stays staged', error);
    }
  }
}
