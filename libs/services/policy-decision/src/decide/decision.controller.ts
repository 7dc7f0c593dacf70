import { Controller, Inject } from '@nestjs/common';
import { SERVICES } from '@sallyport/contracts';
import { OnLogBatch, type RecordBatch } from '@sallyport/log';
import { isGrant, type SeeGrants } from '../grants/see-grants.js';
import { CHANGES, DECIDE_CALLS, SEE_GRANTS } from '../policy-decision.tokens.js';
import type { Changes } from '../state/changes.js';
import { type DecideCalls, isDecidable } from './decide-calls.js';
import { poisonChainsOf } from './poison-chains.js';

/** Groups of the decision point. Their positions live in its own schema. */
export const DECISION_GROUP = 'policy-decision';
export const APPROVALS_GROUP = 'policy-decision.approvals';
export const DEAD_LETTER_GROUP = 'policy-decision.dead-letters';

/** A decision that is published again has the id it had: so positions need not follow every batch. */
const MOVE_MS = 100;

/** What the decision point hears on the log. */
@Controller()
export class DecisionController {
  constructor(
    @Inject(DECIDE_CALLS) private readonly decideCalls: DecideCalls,
    @Inject(CHANGES) private readonly changes: Changes,
    @Inject(SEE_GRANTS) private readonly seeGrants: SeeGrants,
  ) {}

  @OnLogBatch({ group: DECISION_GROUP, topics: ['tool-call.events.v1'], accept: isDecidable, moveMs: MOVE_MS })
  onCalls(batch: RecordBatch): Promise<void> {
    return this.decideCalls.handle(batch);
  }

  @OnLogBatch({ group: APPROVALS_GROUP, topics: ['approval.events.v1'], accept: isGrant })
  onApprovals(batch: RecordBatch): Promise<void> {
    return this.seeGrants.handle(batch);
  }

  @OnLogBatch({ group: DEAD_LETTER_GROUP, topics: SERVICES.map((service) => `${service}.dead-letter.v1`), poison: 'continue' })
  onDeadLetters(batch: RecordBatch): Promise<void> {
    return poisonChainsOf(this.changes)(batch);
  }
}
