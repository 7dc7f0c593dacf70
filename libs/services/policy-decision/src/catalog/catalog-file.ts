import { AmountMicros, Currency, Lifecycle, PlainDigest, RiskTier, ServerName, type ToolRecord } from '@sallyport/contracts';
import { judged, type PinRule, type PolicyFault } from '@sallyport/domain';
import { z } from 'zod';
import { readYaml } from '../policy-set/policy-bundle.js';

const attributes = {
  owner: z.string().min(1).max(256).nullable().optional().describe('The accountable team.'),
  dataDomain: z.string().min(1).max(256).nullable().optional().describe('What kind of data it touches.'),
  supportContact: z.string().min(1).max(256).nullable().optional().describe('Whom to ask when it fails.'),
  version: z.string().min(1).max(64).nullable().optional().describe('Version of what the record describes, chosen by its owner.'),
  lifecycle: Lifecycle.nullable().optional().describe('draft and retired are not callable.'),
  lastReviewed: z.iso.date().nullable().optional().describe('When somebody last looked at it, YYYY-MM-DD.'),
  costMicros: AmountMicros.nullable()
    .optional()
    .describe('Price of one call in millionths of the currency; null is unknown, which is not free.'),
  currency: Currency.nullable().optional(),
  scopes: z
    .array(z.string().min(1).max(128))
    .max(32)
    .optional()
    .describe('Scopes a token must carry to call it, beside what policies ask.'),
  tags: z.array(z.string().min(1).max(64)).max(32).optional().describe('What it is for policies, e.g. export, delete.'),
  pin: z
    .union([z.literal('on-first-use'), z.literal('by-hand'), PlainDigest])
    .optional()
    .describe('on-first-use trusts the definition seen first; a sha256 digest accepts that one alone; by-hand waits for a person.'),
};

const argument = () => z.string().min(1).max(128).nullable().optional();

const DeclaredTool = z.strictObject({
  tier: RiskTier.nullable().optional().describe('read, write-low or write-high.'),
  dryRunArgument: argument().describe(
    'The argument that, set to true, makes the tool say what it would do and do nothing; plans try it out.',
  ),
  idempotencyArgument: argument().describe(
    'The argument under which the upstream takes an idempotency key of its own; with it, a call in doubt may be sent again under the same key.',
  ),
  ...attributes,
});

/** `catalog/<server>.yaml`: the record of one server and its tools. */
export const CatalogFile = z.strictObject({
  server: ServerName.describe('The name of the upstream in the configuration.'),
  defaults: z.strictObject(attributes).default({}).describe('Hold for every tool that does not say otherwise; null takes a default away.'),
  tools: z.record(z.string().min(1).max(256), DeclaredTool).describe('By the name the server knows them by.'),
});

/** What a catalog file says of one tool, defaults applied. */
export interface DeclaredToolRecord {
  readonly server: string;
  readonly name: string;
  readonly id: string;
  readonly rule: PinRule;
  readonly fields: Pick<
    ToolRecord,
    | 'owner'
    | 'dataDomain'
    | 'supportContact'
    | 'version'
    | 'lifecycle'
    | 'lastReviewed'
    | 'costMicros'
    | 'currency'
    | 'scopes'
    | 'tags'
    | 'riskTier'
    | 'dryRunArgument'
    | 'idempotencyArgument'
  >;
}

/** A catalog as files: relative path to text. */
export type CatalogFiles = Readonly<Record<string, string>>;

/** Reads a whole catalog. Every fault of every file is listed; the tools are those that could be read. */
export const readCatalogFiles = (files: CatalogFiles): { servers: string[]; tools: DeclaredToolRecord[]; faults: PolicyFault[] } => {
  const faults: PolicyFault[] = [];
  const tools: DeclaredToolRecord[] = [];
  const servers = new Map<string, string>();
  for (const [file, text] of Object.entries(files).sort(([left], [right]) => (left < right ? -1 : 1))) {
    const read = readYaml(CatalogFile, file, text);
    faults.push(...read.faults);
    if (read.value === null) continue;
    const { server, defaults } = read.value;
    const other = servers.get(server);
    if (other !== undefined) faults.push({ file, policyId: null, message: `server: ${server} is in ${other} already` });
    servers.set(server, file);
    for (const [name, own] of Object.entries(read.value.tools)) tools.push(declared(server, name, defaults, own));
  }
  return { servers: [...servers.keys()], tools, faults };
};

const declared = (
  server: string,
  name: string,
  defaults: z.infer<typeof CatalogFile>['defaults'],
  own: z.infer<typeof DeclaredTool>,
): DeclaredToolRecord => {
  const said = { ...defaults, ...own };
  return {
    server,
    name,
    id: `${server}/${name}`,
    rule: pinRuleOf(said.pin),
    fields: {
      owner: said.owner ?? null,
      dataDomain: said.dataDomain ?? null,
      supportContact: said.supportContact ?? null,
      version: said.version ?? null,
      lifecycle: said.lifecycle ?? null,
      lastReviewed: said.lastReviewed ?? null,
      costMicros: said.costMicros ?? null,
      currency: said.currency ?? null,
      scopes: said.scopes ?? [],
      tags: said.tags ?? [],
      riskTier: said.tier ?? null,
      dryRunArgument: said.dryRunArgument ?? null,
      idempotencyArgument: said.idempotencyArgument ?? null,
    },
  };
};

const pinRuleOf = (pin: string | undefined): PinRule => {
  if (pin === undefined || pin === 'by-hand') return { kind: 'by-hand' };
  return pin === 'on-first-use' ? { kind: 'on-first-use' } : { kind: 'digest', digest: pin };
};

/** The record of a tool nobody declared: it is known, and lacks everything. */
export const undeclaredTool = (tenantId: string, server: string, name: string): ToolRecord =>
  judged({
    id: `${server}/${name}`,
    tenantId,
    server,
    name,
    owner: null,
    dataDomain: null,
    riskTier: null,
    version: null,
    lifecycle: null,
    lastReviewed: null,
    supportContact: null,
    costMicros: null,
    currency: null,
    scopes: [],
    tags: [],
    pinnedDigest: null,
    definition: null,
    driftedDigest: null,
    epoch: 0,
  });
