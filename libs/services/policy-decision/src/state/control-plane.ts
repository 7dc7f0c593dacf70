import { PolicyFiles, ToolRecord } from '@sallyport/contracts';
import { type DecisionFacts, failClosed, type IdentityDirectory } from '@sallyport/domain';
import type { Database, Sql } from '@sallyport/platform';
import { LRUCache } from 'lru-cache';
import { compileCedar, policyTextOf } from '../policy-set/cedar-policy-set.js';
import { Identity } from '../policy-set/identity.schema.js';
import { readPolicyFiles } from '../policy-set/policy-bundle.js';
import { denyingBounds, denyingSet, TenantState } from './tenant-state.js';

interface PolicyRow {
  readonly tenant_id: string;
  readonly hash: string;
  readonly files: string;
  readonly identity: string;
}

/** What went wrong while state was loaded; the tenant concerned is denied everything. */
export type OnFault = (what: string, error: unknown) => void;

/**
 * The control state of every tenant in memory, as of one epoch. `refresh` brings it up to the epoch that is committed when it is called;
 * only what changed is loaded. Everything a decision needs is then answered without waiting.
 */
export class ControlPlane {
  private tenants = new Map<string, TenantState>();
  private loadedEpoch = -1;
  private running: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  /** Compiling a set takes tens of milliseconds, and tenants often share one. */
  private readonly compiled = new LRUCache<string, ReturnType<typeof compileCedar>>({ max: 64 });

  constructor(
    private readonly db: Database,
    private readonly onFault: OnFault,
  ) {}

  get epoch(): number {
    return this.loadedEpoch;
  }

  /** What is known of a tenant; `null` for one that nobody declared. */
  factsOf(tenantId: string): DecisionFacts | null {
    const tenant = this.tenants.get(tenantId);
    return tenant?.active === true ? tenant : null;
  }

  stateOf(tenantId: string): TenantState | null {
    const tenant = this.tenants.get(tenantId);
    return tenant?.active === true ? tenant : null;
  }

  /**
   * Reads the epoch after the call was made, and what is newer with it. A read that was under way already may have begun too early, so a
   * call then waits for one more, which it shares with all that came meanwhile. Throws `store.unavailable`, with the state unchanged.
   */
  refresh(): Promise<void> {
    if (this.running === null) {
      this.running = this.load().finally(() => {
        this.running = null;
      });
      return this.running;
    }
    this.next ??= this.running
      .catch(() => {})
      .then(() => {
        this.next = null;
        return this.refresh();
      });
    return this.next;
  }

  private async load(): Promise<void> {
    const { rows } = await this.db.query<{ epoch: string }>({ name: 'sallyport-epoch', text: 'SELECT epoch FROM epoch' });
    if (Number(rows[0]?.epoch ?? 0) === this.loadedEpoch) return;
    // Changes commit in the order of their epochs, so one snapshot holds everything up to the epoch it shows.
    await this.db.transaction((tx) => this.loadNewer(tx), { isolation: 'repeatable read' });
  }

  private async loadNewer(tx: Sql): Promise<void> {
    const since = [this.loadedEpoch];
    const epochRow = await tx.query<{ epoch: string }>('SELECT epoch FROM epoch');
    const tenants = await tx.query<{ id: string; active: boolean }>('SELECT id, active FROM tenant WHERE epoch > $1', since);
    const policies = await tx.query<PolicyRow>(
      'SELECT DISTINCT ON (tenant_id) tenant_id, hash, files, identity FROM policy_version WHERE epoch > $1 ORDER BY tenant_id, epoch DESC',
      since,
    );
    const servers = await tx.query<{ tenant_id: string; server: string }>(
      'SELECT tenant_id, server FROM catalog_server WHERE epoch > $1',
      since,
    );
    const tools = await tx.query<{ tenant_id: string; record: string }>(
      'SELECT tenant_id, record FROM catalog_tool WHERE epoch > $1',
      since,
    );
    const controls = await tx.query<{ tenant_id: string; kind: string; value: string; active: boolean }>(
      'SELECT tenant_id, kind, value, active FROM control WHERE epoch > $1',
      since,
    );
    const poisons = await tx.query<{ tenant_id: string; chain_id: string; dead_letter_id: string; active: boolean }>(
      'SELECT tenant_id, chain_id, dead_letter_id, active FROM chain_poison WHERE epoch > $1',
      since,
    );
    // Prepared beside what is in force and put in its place at once: a decision never sees half a change.
    const fresh = new Map(this.tenants);
    const touched = new Map<string, TenantState>();
    const edit = (tenantId: string): TenantState => {
      let state = touched.get(tenantId);
      if (state === undefined) {
        state = fresh.get(tenantId)?.copy() ?? new TenantState();
        touched.set(tenantId, state);
        fresh.set(tenantId, state);
      }
      return state;
    };
    for (const { id, active } of tenants.rows) edit(id).active = active;
    for (const row of policies.rows) this.putPolicies(edit(row.tenant_id), row);
    for (const { tenant_id, server } of servers.rows) edit(tenant_id).putServer(server);
    for (const { tenant_id, record } of tools.rows) edit(tenant_id).putTool(ToolRecord.parse(JSON.parse(record)));
    for (const { tenant_id, kind, value, active } of controls.rows) edit(tenant_id).putControl(kind, value, active);
    for (const row of poisons.rows) edit(row.tenant_id).putPoison(row.chain_id, row.dead_letter_id, row.active);
    for (const state of touched.values()) state.seal();
    this.tenants = fresh;
    this.loadedEpoch = Number(epochRow.rows[0]?.epoch ?? 0);
  }

  private putPolicies(state: TenantState, { tenant_id, hash, ...row }: PolicyRow): void {
    let known = this.compiled.get(hash);
    const files = PolicyFiles.parse(JSON.parse(row.files));
    const directory: IdentityDirectory = Identity.parse(JSON.parse(row.identity));
    if (known === undefined) {
      known = compileCedar(readPolicyFiles(files).bundle, directory);
      this.compiled.set(hash, known);
    }
    state.identity = directory;
    state.files = files;
    if (known.ok) {
      const onFault = (error: unknown): void => this.onFault(`evaluating the policies of ${tenant_id}`, error);
      const { bounds } = known;
      state.policies = failClosed(known.set, onFault);
      state.bounds = {
        least: failClosed(bounds.least, onFault),
        most: failClosed(bounds.most, onFault),
        dependsOn: (policyIds) => bounds.dependsOn(policyIds),
      };
      state.policyTexts = known.policies.map(policyTextOf);
    } else {
      // Stored by a version that accepted it: what cannot be compiled now decides nothing but no.
      state.policies = denyingSet(hash);
      state.bounds = denyingBounds(hash);
      state.policyTexts = [];
      this.onFault(
        `compiling the policies of ${tenant_id}`,
        new Error(known.faults.map((fault) => `${fault.file}: ${fault.message}`).join('\n')),
      );
    }
  }
}
