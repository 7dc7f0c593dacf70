import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { AnswerRequests } from './answers/answer-requests.js';
import { ANSWER_REQUESTS, APPROVAL_GROUP, APPROVAL_PORTS, type ApprovalPorts, HEAR_CALLS } from './approval.ports.js';
import { ApprovalOutbox } from './approval-outbox.js';
import { ApprovalTail } from './queries/approval-tail.js';
import { ApprovalsController } from './queries/approvals.controller.js';
import type { EventSource } from './requests/approval-events.js';
import { applyDeclaredRules } from './rules/approval-rules.store.js';
import { acrossTenants } from './tenant-scope.js';
import { EndInSilence } from './waiting/end-in-silence.js';
import { HearCalls } from './waiting/hear-calls.js';
import { WaitingController } from './waiting/waiting.controller.js';

/** Starts and stops what ends requests by the clock, with the application; ends the streams before the server waits for them. */
@Injectable()
class ApprovalLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(EndInSilence) private readonly endInSilence: EndInSilence,
    @Inject(ApprovalTail) private readonly tail: ApprovalTail,
  ) {}

  onApplicationBootstrap(): void {
    this.endInSilence.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.tail.close();
  }

  onApplicationShutdown(): Promise<void> {
    return this.endInSilence.stop();
  }
}

/**
 * The approval service: asks people about exactly this call, once. Creating it publishes what was left over and puts the declared rules in
 * force, withdrawing what was asked under others; it throws `store.unavailable` and is then not there at all. Database and log are the
 * caller's to open and close.
 */
@Module({})
export class ApprovalModule {
  static forRoot(ports: ApprovalPorts): DynamicModule {
    const source: EventSource = {
      ...{ clock: ports.clock, ids: ports.ids, telemetry: ports.telemetry },
      source: `/${APPROVAL_GROUP}/${ports.instance}`,
    };
    const outbox = new ApprovalOutbox(ports);
    const answers = new AnswerRequests(ports, outbox, source);
    return {
      module: ApprovalModule,
      controllers: [WaitingController, ApprovalsController],
      providers: [
        { provide: APPROVAL_PORTS, useValue: ports },
        { provide: ANSWER_REQUESTS, useValue: answers },
        { provide: ApprovalTail, useValue: new ApprovalTail(ports) },
        { provide: EndInSilence, useValue: new EndInSilence(ports, outbox, source) },
        {
          provide: HEAR_CALLS,
          useFactory: async () => {
            await outbox.retry();
            for (const tenant of ports.tenants) {
              const staged = await acrossTenants(ports.database, async (tx) =>
                outbox.stage(tx, await applyDeclaredRules(tx, source, tenant)),
              );
              await outbox.publish(staged);
            }
            return new HearCalls(ports, outbox, source);
          },
        },
        ApprovalLifecycle,
      ],
    };
  }
}
