import type { PolicyFiles, PolicyText, ToolRecord } from '@sallyport/contracts';
import {
  type CompiledPolicySet,
  type ControlsInForce,
  type DecisionFacts,
  type IdentityDirectory,
  NO_POLICY_SET,
  type PolicyBounds,
  type VisibleTools,
} from '@sallyport/domain';
import { LRUCache } from 'lru-cache';

/** A set that says no, for a tenant whose own cannot be used. */
export const denyingSet = (hash: string): CompiledPolicySet => ({
  hash,
  engine: 'none',
  policyIds: [],
  evaluate: () => ({ effect: 'deny', policyIds: [], obligations: [], reasons: [], scopesRead: [], fault: 'there is no usable policy set' }),
});

/** The bounds of such a set: no, whatever is not known. */
export const denyingBounds = (hash: string): PolicyBounds => ({
  least: denyingSet(hash),
  most: denyingSet(hash),
  dependsOn: () => [],
});

const LISTS_REMEMBERED_MAX = 2_000;

/** What one tenant is decided by. Edited while it is loaded, then only read. */
export class TenantState implements DecisionFacts {
  active = false;
  policies: CompiledPolicySet = denyingSet(NO_POLICY_SET);
  identity: IdentityDirectory = { users: [], agents: [], delegations: [] };
  files: PolicyFiles = {};
  policyTexts: readonly PolicyText[] = [];
  bounds: PolicyBounds = denyingBounds(NO_POLICY_SET);
  readonly controls: ControlsInForce = {
    // Mostly nothing is stopped, and then nothing is to be looked for.
    isActive: (kind, value) => this.activeControls.size > 0 && this.activeControls.has(`${kind} ${value}`),
  };
  private servers = new Set<string>();
  private byId = new Map<string, ToolRecord>();
  private activeControls = new Set<string>();
  private poisoned = new Map<string, ReadonlySet<string>>();
  private ordered: readonly ToolRecord[] = [];
  private byServer = new Map<string, ToolRecord[]>();
  private readonly lists = new LRUCache<string, VisibleTools>({ max: LISTS_REMEMBERED_MAX });

  /** The same, to be edited; nothing remembered is taken along. */
  copy(): TenantState {
    const copy = new TenantState();
    copy.active = this.active;
    copy.policies = this.policies;
    copy.identity = this.identity;
    copy.files = this.files;
    copy.policyTexts = this.policyTexts;
    copy.bounds = this.bounds;
    copy.servers = new Set(this.servers);
    copy.byId = new Map(this.byId);
    copy.activeControls = new Set(this.activeControls);
    copy.poisoned = new Map(this.poisoned);
    return copy;
  }

  putServer(server: string): void {
    this.servers.add(server);
  }

  putTool(record: ToolRecord): void {
    this.servers.add(record.server);
    this.byId.set(record.id, record);
  }

  putControl(kind: string, value: string, active: boolean): void {
    if (active) this.activeControls.add(`${kind} ${value}`);
    else this.activeControls.delete(`${kind} ${value}`);
  }

  putPoison(chainId: string, deadLetterId: string, active: boolean): void {
    const letters = new Set(this.poisoned.get(chainId));
    if (active) letters.add(deadLetterId);
    else letters.delete(deadLetterId);
    if (letters.size > 0) this.poisoned.set(chainId, letters);
    else this.poisoned.delete(chainId);
  }

  /** Ends editing: works out the orders that reading needs. */
  seal(): void {
    this.ordered = [...this.byId.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
    this.byServer = new Map();
    for (const tool of this.ordered) {
      const own = this.byServer.get(tool.server);
      if (own === undefined) this.byServer.set(tool.server, [tool]);
      else own.push(tool);
    }
  }

  isPoisoned(chainId: string): boolean {
    return this.poisoned.has(chainId);
  }

  tool(id: string): ToolRecord | undefined {
    return this.byId.get(id);
  }

  tools(server: string | null): readonly ToolRecord[] {
    return server === null ? this.ordered : (this.byServer.get(server) ?? []);
  }

  /** Sorted. */
  serverNames(): readonly string[] {
    return [...this.servers].sort();
  }

  hasServer(server: string): boolean {
    return this.servers.has(server);
  }

  remembered(key: string, work: () => VisibleTools): VisibleTools {
    const known = this.lists.get(key);
    if (known !== undefined) return known;
    const answer = work();
    this.lists.set(key, answer);
    return answer;
  }
}
