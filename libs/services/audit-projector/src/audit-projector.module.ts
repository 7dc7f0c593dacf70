import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { OutboxPublisher } from '@sallyport/log';
import { AUDIT_PORTS, type AuditProjectorPorts } from './audit-projector.ports.js';
import { AuditUpkeep } from './audit-upkeep.js';
import { CatalogController } from './catalog/catalog.controller.js';
import { CatalogView } from './catalog/catalog-view.js';
import { CheckpointWriter } from './checkpoints/checkpoint-writer.js';
import { AuditController } from './queries/audit.controller.js';
import { CallTail } from './queries/call-tail.js';
import { OverviewReader } from './queries/overview.js';
import { EventRecorder } from './record/event-recorder.js';
import { RecordController } from './record/record.controller.js';

/**
 * Starts what runs beside the requests with the application. At the end the streams go first, or the server would wait for them; the last
 * checkpoint comes when nothing more is consumed, so that it covers all.
 */
@Injectable()
class AuditLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(AuditUpkeep) private readonly upkeep: AuditUpkeep,
    @Inject(CallTail) private readonly tail: CallTail,
  ) {}

  onApplicationBootstrap(): void {
    this.upkeep.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.tail.close();
  }

  onApplicationShutdown(): Promise<void> {
    return this.upkeep.stop();
  }
}

/** The audit projector: puts the log on record, signs it, and answers who did what. Database and log are the caller's to open and close. */
@Module({})
export class AuditProjectorModule {
  static forRoot(ports: AuditProjectorPorts): DynamicModule {
    const outbox = new OutboxPublisher(ports.database, ports.log, ports.logInSameDatabase);
    const checkpoints = new CheckpointWriter(ports, outbox);
    return {
      module: AuditProjectorModule,
      controllers: [RecordController, CatalogController, AuditController],
      providers: [
        { provide: AUDIT_PORTS, useValue: ports },
        { provide: EventRecorder, useValue: new EventRecorder(ports, outbox) },
        { provide: CatalogView, useValue: new CatalogView(ports.database) },
        { provide: OverviewReader, useValue: new OverviewReader(ports.database, ports.clock) },
        { provide: CheckpointWriter, useValue: checkpoints },
        { provide: AuditUpkeep, useValue: new AuditUpkeep(ports, outbox, checkpoints) },
        { provide: CallTail, useValue: new CallTail(ports) },
        AuditLifecycle,
      ],
      exports: [CheckpointWriter],
    };
  }
}
