import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicyText } from '@sallyport/contracts';
import type { CompiledPolicySet, IdentityDirectory, PolicyBounds, PolicyFault } from '@sallyport/domain';
import { type ArgumentType, declaredArguments } from './cedar-arguments.js';
import { CedarBounds } from './cedar-bounds.js';
import { CedarEvaluator } from './cedar-evaluator.js';
import { readsOf } from './cedar-expressions.js';
import { cedarSchema } from './cedar-schema.js';
import type { CompiledPolicy } from './cedar-slices.js';
import { obligationOf } from './obligations.js';
import { type PolicyBundle, policySetHash } from './policy-bundle.js';

/** Ids of built-in rules start with these words; a policy may not pass for one of them. */
const RESERVED_PREFIXES = [
  'catalog.',
  'chain.',
  'control.',
  'default.',
  'engine.',
  'method.',
  'scope.',
  'server.',
  'target.',
  'tenant.',
  'tool.',
];

/** A compiled set, or everything that is wrong with it at once; a set with one fault is not used at all. */
export type CompileOutcome =
  | {
      readonly ok: true;
      readonly set: CompiledPolicySet;
      /** The same set, asked before everything about a call is known. */
      readonly bounds: PolicyBounds;
      readonly policies: readonly CompiledPolicy[];
    }
  | { readonly ok: false; readonly faults: readonly PolicyFault[] };

/** Compiles a bundle with Cedar: parses, checks against the schema, reads obligations, prepares slices. */
export const compileCedar = (bundle: PolicyBundle, identity: IdentityDirectory): CompileOutcome => {
  const faults: PolicyFault[] = [];
  const schema = cedarSchema(bundle.argumentsSchema);
  const argumentTypes = readSchema(schema, faults);
  const policies = [...bundle.cedar].flatMap(([file, text]) => readCedarFile(file, text, faults));
  const seen = new Map<string, string>();
  for (const { id, file } of policies) {
    const other = seen.get(id);
    if (other !== undefined) faults.push({ file, policyId: id, message: `the id is taken in ${other}` });
    seen.set(id, file);
  }
  if (faults.length === 0) faults.push(...validate(schema, policies));
  if (faults.length > 0 || argumentTypes === null) return { ok: false, faults };
  const hash = policySetHash(bundle, identity);
  const set = new CedarEvaluator({ hash, policies, argumentTypes, grants: bundle.grants });
  return { ok: true, set, bounds: new CedarBounds(set), policies };
};

/** The rules of a bundle as they are written, whether or not they can be compiled now; what cannot be read is left out. */
export const readPolicyTexts = (bundle: PolicyBundle): PolicyText[] =>
  [...bundle.cedar].flatMap(([file, text]) => readCedarFile(file, text, [])).map(policyTextOf);

/** A rule as people are shown it. */
export const policyTextOf = ({ id, file, text, json, reason, obligation }: CompiledPolicy): PolicyText => ({
  ...{ id, file, text, effect: json.effect, reason, obligation },
});

const readSchema = (schema: string, faults: PolicyFault[]): ReadonlyMap<string, ArgumentType> | null => {
  const file = 'arguments.cedarschema';
  const answer = cedar.schemaToJsonWithResolvedTypes(schema);
  if (answer.type === 'failure') {
    faults.push(...answer.errors.map(({ message }) => ({ file, policyId: null, message })));
    return null;
  }
  const type = answer.json['']?.commonTypes?.Arguments;
  const declared = declaredArguments(type ?? {});
  if ('types' in declared) return declared.types;
  faults.push({ file, policyId: null, message: declared.fault });
  return null;
};

const readCedarFile = (file: string, text: string, faults: PolicyFault[]): CompiledPolicy[] => {
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === 'failure') {
    faults.push(
      ...parts.errors.map((error) => ({
        file,
        policyId: null,
        message: `${error.message}${lineOf(text, error.sourceLocations?.[0]?.start)}`,
      })),
    );
    return [];
  }
  if (parts.policy_templates.length > 0)
    faults.push({ file, policyId: null, message: 'templates are not supported: write the policy out, or use grants.yaml' });
  // Cedar sorts the parts by numbers compared as text, so that the eleventh comes before the third: put them back in the order of the file.
  const inOrder = [...parts.policies].sort((left, right) => text.indexOf(left) - text.indexOf(right));
  return inOrder.flatMap((policyText, index) => {
    const answer = cedar.policyToJson(policyText);
    if (answer.type === 'failure') {
      faults.push(...answer.errors.map(({ message }) => ({ file, policyId: null, message })));
      return [];
    }
    return [readPolicy(file, index, policyText, answer.json, faults)];
  });
};

const readPolicy = (file: string, index: number, text: string, json: PolicyJson, faults: PolicyFault[]): CompiledPolicy => {
  const annotations = json.annotations ?? {};
  const id = annotations.id ?? `${file}#${index + 1}`;
  const fault = (message: string): void => {
    faults.push({ file, policyId: id, message });
  };
  if (!/^[A-Za-z0-9][A-Za-z0-9._#/-]{0,127}$/.test(id)) fault('an id is 1 to 128 letters, digits, dots, hyphens');
  if (RESERVED_PREFIXES.some((prefix) => id.startsWith(prefix))) fault('the id begins like a built-in rule');
  const { obligation, faults: annotationFaults } = obligationOf(annotations);
  for (const message of annotationFaults) fault(message);
  if (obligation !== null && json.effect === 'forbid')
    fault('an @obligation belongs on a permit: it says what is due when something is allowed');
  const unscoped = json.principal.op === 'All' && json.action.op === 'All' && json.resource.op === 'All';
  if (obligation === null && json.effect === 'permit' && unscoped && json.conditions.length === 0) {
    fault('permits everything to everybody: name a principal, an action, a resource or a condition');
  }
  const reason = annotations.reason ?? null;
  if (reason !== null && reason.length > 256) fault('@reason is longer than 256 characters');
  return { id, file, text, json, reason, obligation, reads: readsOf(json) };
};

const validate = (schema: string, policies: readonly CompiledPolicy[]): PolicyFault[] => {
  const staticPolicies = Object.fromEntries(policies.map((policy) => [policy.id, policy.text]));
  const answer = cedar.validate({ schema, policies: { staticPolicies }, validationSettings: { mode: 'strict' } });
  const files = new Map(policies.map((policy) => [policy.id, policy.file]));
  if (answer.type === 'failure') return answer.errors.map(({ message }) => ({ file: '*.cedar', policyId: null, message }));
  // A policy that can never apply is a mistake of its author, and most often a rule that silently does not protect.
  return [...answer.validationErrors, ...answer.validationWarnings].map(({ policyId, error }) => ({
    file: files.get(policyId) ?? '*.cedar',
    policyId,
    message: error.message,
  }));
};

const lineOf = (text: string, offset: number | undefined): string =>
  offset === undefined ? '' : ` (line ${Buffer.from(text).subarray(0, offset).toString().split('\n').length})`;
