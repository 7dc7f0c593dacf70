import { type AnyEnvelope, decodeEvent, eventTypeOf, type Principal } from '@sallyport/contracts';
import type { EventLog, RecordBatch, Subscription } from '@sallyport/log';
import { LRUCache } from 'lru-cache';

/** What the principal of a call is told of the people it asked. */
export interface ToldApproval {
  readonly approvalId: string;
  readonly status: 'pending' | 'granted' | 'rejected' | 'expired' | 'withdrawn';
  readonly tool: string;
  /** RFC 3339: until when people may answer; once granted, until when the same call may be sent. */
  readonly expiresAt: string;
  /** What a person said with a no. */
  readonly why?: string;
}

interface Known extends ToldApproval {
  readonly owner: string;
}

/** People answer a few thousand times a day; the oldest are forgotten first. */
const APPROVALS_MAX = 20_000;

const TOLD = new Set(['ApprovalRequested', 'ApprovalGranted', 'ApprovalRejected', 'ApprovalExpired', 'ApprovalWithdrawn']);

const ownerOf = ({ tenantId, issuer, subject, actors }: Principal): string => JSON.stringify([tenantId, issuer, subject, actors]);

/**
 * What became of questions to people, for those who asked. It decides nothing: a grant counts where the decision point found it. Read from the
 * beginning of what the log retains, of every instance: whoever asks may ask anywhere.
 */
export class ApprovalView {
  private readonly known = new LRUCache<string, Known>({ max: APPROVALS_MAX });
  private subscription: Subscription | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly edgeId: string,
  ) {}

  /** Resolves when everything that was on the log is folded. Throws `log.unavailable`. */
  async start(): Promise<void> {
    this.subscription = await this.log.subscribe({
      group: `edge-gateway-approvals-${this.edgeId}`,
      topics: ['approval.events.v1'],
      from: 'earliest',
      positions: 'ephemeral',
      accept: (headers) => TOLD.has(eventTypeOf(headers) ?? ''),
      handle: (batch) => {
        this.take(batch);
        return Promise.resolve();
      },
    });
    await this.subscription.caughtUp;
  }

  take({ records }: Pick<RecordBatch, 'records'>): void {
    for (const record of records) this.fold(decodeEvent(record));
  }

  /** `null` for what is not known here, and for what another principal asked. */
  find(approvalId: string, principal: Principal): ToldApproval | null {
    const known = this.known.get(approvalId);
    if (known === undefined || known.owner !== ownerOf(principal)) return null;
    const { owner: _owner, ...told } = known;
    return told;
  }

  async close(): Promise<void> {
    await this.subscription?.close();
  }

  private fold(event: AnyEnvelope): void {
    if (event.type === 'ApprovalRequested') {
      const { approvalId, principal, tool, expiresAt } = event.data;
      // Each call that joins a question is told of it: the first telling stands.
      if (!this.known.has(approvalId))
        this.known.set(approvalId, { approvalId, status: 'pending', tool, expiresAt, owner: ownerOf(principal) });
      return;
    }
    if (!('approvalId' in event.data) || typeof event.data.approvalId !== 'string') return;
    const known = this.known.get(event.data.approvalId);
    if (known === undefined) return;
    switch (event.type) {
      case 'ApprovalGranted':
        this.known.set(known.approvalId, { ...known, status: 'granted', expiresAt: event.data.expiresAt });
        return;
      case 'ApprovalRejected':
        this.known.set(known.approvalId, { ...known, status: 'rejected', why: event.data.why });
        return;
      case 'ApprovalExpired':
        this.known.set(known.approvalId, { ...known, status: 'expired' });
        return;
      case 'ApprovalWithdrawn':
        this.known.set(known.approvalId, { ...known, status: 'withdrawn' });
        return;
      default:
        return;
    }
  }
}
