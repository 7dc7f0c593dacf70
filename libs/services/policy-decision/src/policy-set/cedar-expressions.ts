import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** Names that are read of something; `all` where it cannot be told. */
export type Names = ReadonlySet<string> | 'all';

/** What a policy looks at beyond its scope; found once, when a set is compiled. */
export interface PolicyReads {
  readonly principal: Names;
  readonly resource: Names;
  readonly context: Names;
  /** Names of arguments, of those in the context. */
  readonly arguments: Names;
  /** Scopes it asks the principal for. */
  readonly scopes: readonly string[];
}

type Node = null | boolean | number | string | readonly Node[] | { readonly [key: string]: Node };

/** Finds what a policy reads. Errs on the side of `all`: what is not read is not shown to Cedar, and marshalling is most of what it costs. */
export const readsOf = (policy: PolicyJson): PolicyReads => {
  const reads = new ReadsVisitor();
  for (const clause of policy.conditions) reads.visit(bodyOf(clause));
  return reads.result();
};

/** The names read by any of several policies. */
export const allNames = (names: readonly Names[]): Names => {
  const union = new Set<string>();
  for (const some of names) {
    if (some === 'all') return 'all';
    for (const name of some) union.add(name);
  }
  return union;
};

class ReadsVisitor {
  private readonly names = { principal: new Set<string>(), resource: new Set<string>(), context: new Set<string>() };
  private readonly argumentNames = new Set<string>();
  private readonly scopes = new Set<string>();
  private everything = false;
  private allArguments = false;

  visit(node: Node): void {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const item of node) this.visit(item);
      return;
    }
    if (!isRecord(node)) return;
    // Principal and resource by themselves are identities; the context by itself is everything in it.
    if (node.Var === 'context') this.everything = true;
    const access = node['.'] ?? node.has;
    if (access !== undefined) this.access(node, isRecord(access) ? (access.left ?? null) : null);
    else for (const value of Object.values(node)) this.visit(value);
    const contains = node.contains ?? node.containsAll ?? node.containsAny;
    if (contains !== undefined) this.collectScopes(contains);
  }

  result(): PolicyReads {
    const { principal, resource, context } = this.names;
    const scopes = [...this.scopes].sort();
    if (this.everything) return { principal: 'all', resource: 'all', context: 'all', arguments: 'all', scopes };
    return { principal, resource, context, arguments: this.allArguments ? 'all' : this.argumentNames, scopes };
  }

  private access(node: Node, left: Node): void {
    const path = pathOf(node);
    if (path === null) {
      // Something computed is read: what it is made of cannot be told.
      this.everything = true;
      this.visit(left);
      return;
    }
    const [root, first, second] = path;
    if (root !== 'principal' && root !== 'resource' && root !== 'context') {
      this.everything = true;
      return;
    }
    if (first === undefined) return;
    this.names[root].add(first);
    if (root !== 'context' || first !== 'arguments') return;
    if (second === undefined) this.allArguments = true;
    else this.argumentNames.add(second);
  }

  private collectScopes(operand: Node): void {
    if (!isRecord(operand)) return;
    const path = pathOf(operand.left ?? null);
    if (path?.[0] === 'principal' && path[1] === 'scopes' && path.length === 2) collectStrings(operand.right ?? null, this.scopes);
  }
}

/** `['context', 'arguments', 'path']` for `context.arguments.path` and for `context.arguments has path`; `null` for what begins at no variable. */
const pathOf = (node: Node): readonly string[] | null => {
  if (!isRecord(node)) return null;
  if (typeof node.Var === 'string') return [node.Var];
  const access = node['.'] ?? node.has;
  if (access === undefined || !isRecord(access)) return null;
  const before = pathOf(access.left ?? null);
  if (before === null) return null;
  const attribute = access.attr;
  if (typeof attribute === 'string') return [...before, attribute];
  return Array.isArray(attribute) ? [...before, ...attribute.filter((part) => typeof part === 'string')] : null;
};

const collectStrings = (node: Node, into: Set<string>): void => {
  if (typeof node === 'string') into.add(node);
  else if (Array.isArray(node)) for (const item of node) collectStrings(item, into);
  else if (isRecord(node)) for (const value of Object.values(node)) collectStrings(value, into);
};

const isRecord = (node: Node): node is { readonly [key: string]: Node } =>
  node !== null && typeof node === 'object' && !Array.isArray(node);

/** Cedar's own JSON form is data without cycles; the round trip gives it a type that can be walked. */
const bodyOf = (clause: Clause): Node => {
  const body: Expr = clause.body;
  return JSON.parse(JSON.stringify(body));
};
