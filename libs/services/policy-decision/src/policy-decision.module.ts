import { type DynamicModule, Module } from '@nestjs/common';
import { type EventLog, OutboxPublisher } from '@sallyport/log';
import type { Clock, Database, IdSource, Sealer, Telemetry } from '@sallyport/platform';
import { AccessController } from './admin/access.controller.js';
import type { Authenticator } from './admin/authenticator.port.js';
import { CatalogController } from './admin/catalog.controller.js';
import { ControlsController } from './admin/controls.controller.js';
import { Operators } from './admin/operators.js';
import { PoliciesController } from './admin/policies.controller.js';
import { Definitions } from './catalog/definitions.js';
import { DecideCalls } from './decide/decide-calls.js';
import { DecisionController } from './decide/decision.controller.js';
import { SeeGrants } from './grants/see-grants.js';
import {
  AUTHENTICATOR,
  CHANGES,
  CLOCK,
  CONTROL_PLANE,
  DATABASE,
  DECIDE_CALLS,
  DEFINITIONS,
  OPERATORS,
  SEE_GRANTS,
} from './policy-decision.tokens.js';
import { Changes } from './state/changes.js';
import { ControlPlane } from './state/control-plane.js';
import { applyDeclared, type DeclaredTenant } from './state/declared-state.js';

/** What the decision point is given; it makes none of it itself. */
export interface PolicyDecisionPorts {
  /** Its own schema, with `policyDecisionMigrations()` run. */
  readonly db: Database;
  readonly log: EventLog;
  /** Whether the log is a table in the same database, reachable by this service's role within its transactions. */
  readonly logInSameDatabase?: boolean;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  readonly authenticator: Authenticator;
  /** What the files declare; checked and put in force before the module is ready. */
  readonly tenants: readonly DeclaredTenant[];
  /** Name of this instance: the same after a restart, another one for each replica. */
  readonly instanceId: string;
  /** Told what went wrong while nobody could be told: a decision denied by a fault, events not published yet. */
  readonly onFault: (what: string, error: unknown) => void;
  /** Resolves after so many milliseconds; default: the machine's timer. */
  readonly wait?: (milliseconds: number) => Promise<void>;
}

const realWait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * The policy decision point and its administration. Creating it publishes what was left over, puts the declared files in force and loads
 * the control state: it throws `configuration.invalid` with every fault, or `store.unavailable`, and is then not there at all.
 */
@Module({})
export class PolicyDecisionModule {
  static forRoot(ports: PolicyDecisionPorts): DynamicModule {
    const { db, log, clock, ids, telemetry, sealer, authenticator, onFault } = ports;
    const source = `/policy-decision/${ports.instanceId}`;
    return {
      module: PolicyDecisionModule,
      controllers: [DecisionController, PoliciesController, CatalogController, ControlsController, AccessController],
      providers: [
        { provide: DATABASE, useValue: db },
        { provide: CLOCK, useValue: clock },
        { provide: AUTHENTICATOR, useValue: authenticator },
        {
          provide: CHANGES,
          useFactory: async () => {
            const outbox = new OutboxPublisher(db, log, ports.logInSameDatabase);
            const wait = ports.wait ?? realWait;
            const onUnpublished = (error: unknown): void => onFault('publishing a change; it stays staged', error);
            const changes = new Changes({ db, outbox, clock, ids, telemetry, source, wait, onUnpublished });
            await changes.publishLeftovers(true);
            await applyDeclared(changes, ports.tenants);
            return changes;
          },
        },
        {
          provide: CONTROL_PLANE,
          inject: [CHANGES],
          useFactory: async () => {
            const controlPlane = new ControlPlane(db, onFault);
            await controlPlane.refresh();
            return controlPlane;
          },
        },
        { provide: DEFINITIONS, inject: [CHANGES], useFactory: (changes: Changes) => new Definitions(changes) },
        {
          provide: DECIDE_CALLS,
          inject: [CONTROL_PLANE, DEFINITIONS, CHANGES],
          useFactory: (controlPlane: ControlPlane, definitions: Definitions, changes: Changes) =>
            new DecideCalls({ log, db, sealer, clock, telemetry, controlPlane, definitions, changes, source, onFault }),
        },
        {
          provide: SEE_GRANTS,
          inject: [DECIDE_CALLS],
          useFactory: (decideCalls: DecideCalls) => new SeeGrants({ db, clock, onKept: () => decideCalls.grantsKept() }),
        },
        {
          provide: OPERATORS,
          inject: [CONTROL_PLANE],
          useFactory: (controlPlane: ControlPlane) => new Operators(authenticator, controlPlane),
        },
      ],
      exports: [CONTROL_PLANE],
    };
  }
}
