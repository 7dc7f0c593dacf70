import type { EntityUidJson, PolicyJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { Obligation } from '@sallyport/contracts';
import { LRUCache } from 'lru-cache';
import { allNames, type PolicyReads } from './cedar-expressions.js';

/** One policy of a compiled set. */
export interface CompiledPolicy {
  readonly id: string;
  readonly file: string;
  readonly text: string;
  readonly json: PolicyJson;
  readonly reason: string | null;
  /** Not `null`: the policy grants nothing and says what must be done when something else allows. */
  readonly obligation: Obligation | null;
  readonly reads: PolicyReads;
}

/** The policies whose scope can match a question, parsed once and kept by Cedar under a slot. */
export interface Slice {
  readonly policies: readonly CompiledPolicy[];
  /** What any of them reads. */
  readonly reads: Omit<PolicyReads, 'scopes'>;
  /** The set and the policies of the slice: questions with the same slice share a slot. */
  readonly key: string;
}

/** An entity and everything it is in. */
export interface Placed {
  readonly uid: TypeAndId;
  readonly ancestors: readonly TypeAndId[];
}

const SLOTS_MAX = 1024;
const TUPLES_MAX = 20_000;

/** Cedar keeps parsed sets by name and has no way to drop one, so names are a fixed number of slots that are written over. */
const slots = {
  free: Array.from({ length: SLOTS_MAX }, (_, index) => `slice-${index}`),
  byKey: new LRUCache<string, string>({ max: SLOTS_MAX }),
};

/** The slot that holds a slice now, parsing it again if it was written over meanwhile. Throws when Cedar refuses it. */
export const slotOf = (slice: Slice): string => {
  const held = slots.byKey.get(slice.key);
  if (held !== undefined) return held;
  const slot = slots.free.pop() ?? slots.byKey.pop();
  if (slot === undefined) throw new Error('no slot for a policy slice');
  const staticPolicies = Object.fromEntries(slice.policies.map((policy) => [policy.id, policy.text]));
  const answer = cedar.preparsePolicySet(slot, { staticPolicies });
  if (answer.type === 'failure') {
    slots.free.push(slot);
    throw new Error(`Cedar refused a slice: ${answer.errors.map((error) => error.message).join('; ')}`);
  }
  slots.byKey.set(slice.key, slot);
  return slot;
};

/**
 * Finds the slice for a question: only policies whose principal, action and resource scope can match are evaluated, so that the cost of a
 * decision follows the policies that are about it and not the size of the set.
 */
export class SliceIndex {
  private readonly byActionAndResource = new LRUCache<string, readonly CompiledPolicy[]>({ max: TUPLES_MAX });
  private readonly byTuple = new LRUCache<string, Slice>({ max: TUPLES_MAX });
  private readonly byKey = new LRUCache<string, Slice>({ max: SLOTS_MAX });

  constructor(
    private readonly policies: readonly CompiledPolicy[],
    private readonly setHash: string,
  ) {}

  sliceFor(principal: TypeAndId, action: string, resource: Placed): Slice {
    const about = `${action} ${resource.uid.type} ${resource.uid.id}`;
    const tuple = `${principal.type} ${principal.id} ${about}`;
    const known = this.byTuple.get(tuple);
    if (known !== undefined) return known;
    let candidates = this.byActionAndResource.get(about);
    if (candidates === undefined) {
      candidates = this.policies.filter(({ json }) => actionMatches(json, action) && scopeMatches(json.resource, resource));
      this.byActionAndResource.set(about, candidates);
    }
    const slice = this.sliceOf(candidates.filter(({ json }) => scopeMatches(json.principal, { uid: principal, ancestors: [] })));
    this.byTuple.set(tuple, slice);
    return slice;
  }

  /** Some policies, to be evaluated together. */
  sliceOf(policies: readonly CompiledPolicy[]): Slice {
    const key = `${this.setHash} ${policies.map((policy) => policy.id).join(' ')}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const all = policies.map(({ reads }) => reads);
    const reads = {
      principal: allNames(all.map(({ principal }) => principal)),
      resource: allNames(all.map(({ resource }) => resource)),
      context: allNames(all.map(({ context }) => context)),
      arguments: allNames(all.map((own) => own.arguments)),
    };
    const slice = { policies, reads, key };
    this.byKey.set(key, slice);
    return slice;
  }
}

const actionMatches = ({ action }: PolicyJson, id: string): boolean => {
  switch (action.op) {
    case 'All':
      return true;
    case '==':
      return 'entity' in action ? uidOf(action.entity).id === id : true;
    case 'in':
      return 'entities' in action ? action.entities.some((entity) => uidOf(entity).id === id) : uidOf(action.entity).id === id;
  }
};

const scopeMatches = (scope: PolicyJson['principal'] | PolicyJson['resource'], entity: Placed): boolean => {
  switch (scope.op) {
    case 'All':
      return true;
    case '==':
      return 'entity' in scope ? same(uidOf(scope.entity), entity.uid) : true;
    case 'in':
      return 'entity' in scope ? isIn(entity, uidOf(scope.entity)) : true;
    case 'is':
      if (scope.entity_type !== entity.uid.type) return false;
      return scope.in === undefined || !('entity' in scope.in) || isIn(entity, uidOf(scope.in.entity));
  }
};

const uidOf = (uid: EntityUidJson): TypeAndId => ('__entity' in uid ? uid.__entity : uid);
const same = (left: TypeAndId, right: TypeAndId): boolean => left.type === right.type && left.id === right.id;
const isIn = (entity: Placed, group: TypeAndId): boolean =>
  same(entity.uid, group) || entity.ancestors.some((ancestor) => same(ancestor, group));
