import { createHash } from 'node:crypto';
import { Id, type PolicyFiles, ServerName, ToolId } from '@sallyport/contracts';
import type { IdentityDirectory, PolicyFault } from '@sallyport/domain';
import canonicalize from 'canonicalize';
import { parseDocument } from 'yaml';
import { z } from 'zod';

/** Who was granted tools by name, beyond what scopes allow. */
export const Grant = z
  .strictObject({
    to: z
      .string()
      .regex(/^(agent|user|service):.+$/, 'must be agent:…, user:… or service:…')
      .max(256)
      .describe('Who may: agent:<id>, user:<sub> or service:<sub>.'),
    tools: z.array(ToolId).max(500).default([]).describe('Tools, as server/tool.'),
    servers: z.array(ServerName).max(100).default([]).describe('Servers: all their low-risk tools.'),
    why: Id.describe('Why, for whoever reviews it.'),
  })
  .refine((grant) => grant.tools.length + grant.servers.length > 0, { message: 'names neither tools nor servers' });
export type Grant = z.infer<typeof Grant>;
export const GrantsFile = z.strictObject({ grants: z.array(Grant).max(2000) });

/** A policy set with its parts told apart. */
export interface PolicyBundle {
  readonly cedar: ReadonlyMap<string, string>;
  readonly argumentsSchema: string | null;
  readonly grants: readonly Grant[];
  readonly tests: ReadonlyMap<string, string>;
}

/** Tells the files of a policy set apart and reads the grants. Every fault of every file is listed; the bundle holds what could be read. */
export const readPolicyFiles = (files: PolicyFiles): { bundle: PolicyBundle; faults: PolicyFault[] } => {
  const faults: PolicyFault[] = [];
  const cedar = new Map<string, string>();
  const tests = new Map<string, string>();
  let argumentsSchema: string | null = null;
  let grants: readonly Grant[] = [];
  for (const [file, text] of Object.entries(files).sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (file.endsWith('.cedar')) cedar.set(file, text);
    else if (file === 'arguments.cedarschema') argumentsSchema = text;
    else if (/^tests\/.+\.ya?ml$/.test(file)) tests.set(file, text);
    else if (file === 'grants.yaml') {
      const read = readYaml(GrantsFile, file, text);
      faults.push(...read.faults);
      grants = read.value?.grants ?? [];
    } else {
      faults.push({
        file,
        policyId: null,
        message: 'not a file of a policy set (*.cedar, arguments.cedarschema, grants.yaml, tests/*.yaml)',
      });
    }
  }
  if (cedar.size === 0) faults.push({ file: '*.cedar', policyId: null, message: 'a policy set needs at least one .cedar file' });
  return { bundle: { cedar, argumentsSchema, grants, tests }, faults };
};

/** Parses one YAML file and checks it against its schema; all faults carry their path. */
export const readYaml = <S extends z.ZodType>(
  schema: S,
  file: string,
  text: string,
): { value: z.infer<S> | null; faults: PolicyFault[] } => {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    return {
      value: null,
      faults: document.errors.map((error) => ({ file, policyId: null, message: error.message.split('\n')[0] ?? 'not YAML' })),
    };
  }
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 16 }));
  if (parsed.success) return { value: parsed.data, faults: [] };
  return {
    value: null,
    faults: parsed.error.issues.map((issue) => ({
      file,
      policyId: null,
      message: `${issue.path.join('.') || '(root)'}: ${issue.message}`,
    })),
  };
};

/** The digest that decisions carry: over everything that decides, and nothing else (tests do not). */
export const policySetHash = (bundle: PolicyBundle, identity: IdentityDirectory): string =>
  digestOf({ cedar: Object.fromEntries(bundle.cedar), arguments: bundle.argumentsSchema, grants: bundle.grants, identity });

/** `sha256:` digest of the canonical form (RFC 8785) of a JSON value. */
export const digestOf = (value: unknown): string =>
  `sha256:${createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('hex')}`;
