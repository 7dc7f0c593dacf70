import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** What a policy looks at beyond its scope; found once, when a set is compiled. */
export interface PolicyReads {
  /** Names of arguments; `all` when the arguments are compared as a whole. */
  readonly arguments: ReadonlySet<string> | 'all';
  /** Scopes it asks the principal for. */
  readonly scopes: readonly string[];
}

type Node = null | boolean | number | string | readonly Node[] | { readonly [key: string]: Node };

/** Finds which arguments and scopes a policy reads. Errs on the side of `all`. */
export const readsOf = (policy: PolicyJson): PolicyReads => {
  const names = new Set<string>();
  const scopes = new Set<string>();
  let everything = false;

  const visit = (node: Node): void => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    const entry = Object.entries(node)[0];
    if (entry === undefined) return;
    const [operator, operand] = entry;
    if (operator === 'Var' && operand === 'context') everything = true;
    if (operator === '.' || operator === 'has') {
      const path = contextPath(node);
      if (path !== null) {
        if (path[0] !== 'arguments') return;
        const name = path[1];
        if (name === undefined) everything = operator === '.' || everything;
        else names.add(name);
        return;
      }
    }
    if (operator === 'contains' || operator === 'containsAll' || operator === 'containsAny') collectScopes(operand ?? null, scopes);
    for (const value of Object.values(node)) visit(value);
  };

  for (const clause of policy.conditions) visit(bodyOf(clause));
  return { arguments: everything ? 'all' : names, scopes: [...scopes].sort() };
};

/** `['arguments', 'path']` for `context.arguments.path` and for `context.arguments has path`; `null` for what does not start at the context. */
const contextPath = (node: Node): readonly string[] | null => {
  if (!isRecord(node)) return null;
  if (node.Var === 'context') return [];
  const access = node['.'] ?? node.has;
  if (access === undefined || !isRecord(access)) return null;
  const before = contextPath(access.left ?? null);
  if (before === null) return null;
  const attribute = access.attr;
  if (typeof attribute === 'string') return [...before, attribute];
  return Array.isArray(attribute) ? [...before, ...attribute.filter((part) => typeof part === 'string')] : before;
};

const collectScopes = (operand: Node, scopes: Set<string>): void => {
  if (!isRecord(operand)) return;
  const left = operand.left;
  const access = left !== undefined && isRecord(left) ? left['.'] : undefined;
  if (access === undefined || !isRecord(access) || access.attr !== 'scopes') return;
  const of = access.left;
  if (of === undefined || !isRecord(of) || of.Var !== 'principal') return;
  collectStrings(operand.right ?? null, scopes);
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
