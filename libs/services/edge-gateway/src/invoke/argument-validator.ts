import type { Json } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import { Ajv, type AnySchema, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import canonicalize from 'canonicalize';
import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';
import { isDeeperThan } from './request-content.js';

/** Why arguments were not accepted; names places of the schema, never values. */
export interface ArgumentFault {
  readonly reason: 'schema.unsupported' | 'schema.recursion' | 'arguments.invalid';
  /** JSON pointers and keywords, at most eight. */
  readonly where: readonly string[];
}

const SCHEMA_BYTES_MAX = 128 * 1024;
const SCHEMA_DEPTH_MAX = 32;
const COMPILED_MAX = 1_000;
const FAULTS_MAX = 8;
// A recursive schema with alternatives costs 2^depth: at twelve levels that is still a millisecond's work.
const RECURSIVE_DEPTH_MAX = 12;
const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-0[67]\/schema#?$/;

interface Compiled {
  readonly validate: ValidateFunction | null;
  readonly isRecursive: boolean;
}

// Patterns come from strangers, and V8's engine backtracks: RE2 runs in linear time and refuses what it cannot.
const linearRegExp = Object.assign((pattern: string) => RE2JS.compile(pattern), { code: 'linearRegExp' });
const OPTIONS: Options = {
  strict: false,
  allErrors: false,
  validateSchema: false,
  logger: false,
  code: { regExp: linearRegExp },
};

const isUnique = (wanted: boolean, items: readonly unknown[]): boolean =>
  !wanted || new Set(items.map((item) => canonicalize(item))).size === items.length;

/**
 * Holds arguments to the pinned input schema of their tool (JSON Schema 2020-12; draft-06 and -07 where the schema says so). Compiled once per
 * definition digest, in a bounded cache. Schemas are untrusted: bounded in size and depth, no reference leaves them, patterns run on RE2, and
 * `uniqueItems` is linear.
 */
export class ArgumentValidator {
  private readonly compiled = new LRUCache<string, Compiled>({ max: COMPILED_MAX });

  /** `null` when the arguments fit. A schema that cannot be compiled within bounds accepts nothing. */
  check(definitionDigest: string, inputSchema: JsonObject, args: Json): ArgumentFault | null {
    const { validate, isRecursive } = this.compile(definitionDigest, inputSchema);
    if (validate === null) return { reason: 'schema.unsupported', where: [] };
    if (isRecursive && isDeeperThan(args, RECURSIVE_DEPTH_MAX)) return { reason: 'schema.recursion', where: [] };
    if (validate(args)) return null;
    const where = (validate.errors ?? []).slice(0, FAULTS_MAX).map((error) => `${error.schemaPath}`.slice(0, 256));
    return { reason: 'arguments.invalid', where };
  }

  private compile(definitionDigest: string, inputSchema: JsonObject): Compiled {
    const cached = this.compiled.get(definitionDigest);
    if (cached !== undefined) return cached;
    const compiled = compileSchema(inputSchema);
    this.compiled.set(definitionDigest, compiled);
    return compiled;
  }
}

const compileSchema = (inputSchema: JsonObject): Compiled => {
  const text = JSON.stringify(inputSchema);
  const refused: Compiled = { validate: null, isRecursive: false };
  if (Buffer.byteLength(text) > SCHEMA_BYTES_MAX || isDeeperThan(inputSchema, SCHEMA_DEPTH_MAX)) return refused;
  const { $schema: dialect, $id: _id, ...schema } = inputSchema;
  try {
    // An instance per schema: what one declares is no other's to refer to.
    const ajv = typeof dialect === 'string' && DRAFT_07.test(dialect) ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
    addFormats.default(ajv);
    ajv.removeKeyword('uniqueItems');
    ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: isUnique, errors: false });
    return { validate: ajv.compile(schema as AnySchema), isRecursive: /"\$(?:dynamic|recursive)?[Rr]ef"/.test(text) };
  } catch {
    return refused;
  }
};
