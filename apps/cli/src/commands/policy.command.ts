import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { connect, withConnectionOptions } from '../connection.js';
import { paint, say, sayJson } from '../terminal.js';

interface PoliciesInForce {
  readonly policySetHash: string;
  readonly epoch: number;
  readonly policies: readonly { readonly id: string; readonly text: string }[];
}

/** `sallyport policy list | apply`: the policy set in force, through the decision point's API. */
export const addPolicyCommands = (program: Command): void => {
  const policy = program.command('policy').description('see and change the policy set in force');

  withConnectionOptions(policy.command('list'))
    .description('print the rules in force')
    .action(async (options) => {
      const inForce = await (await connect(options)).json<PoliciesInForce>('GET', '/v1/policies');
      if (options.json) return sayJson(inForce);
      say(`${inForce.policySetHash} (epoch ${inForce.epoch})`);
      for (const { id } of inForce.policies) say(`  ${id}`);
    });

  withConnectionOptions(policy.command('apply'))
    .description('put the policies of a folder in force; when this returns, nothing is decided by the old ones any more')
    .argument('<folder>', 'a folder of .cedar files and their tests')
    .requiredOption('--why <reason>', 'why, for the record')
    .action(async (folder: string, options) => {
      const bundle = await readBundle(folder);
      const applied = await (await connect(options)).json<PoliciesInForce>('PUT', '/v1/policies', { ...bundle, why: options.why });
      options.json ? sayJson(applied) : say(`${paint.green('in force')}: ${applied.policySetHash} (epoch ${applied.epoch})`);
    });
};

const readBundle = async (folder: string): Promise<{ files: Record<string, string> }> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of entries) {
    if (!entry.isFile() || !/\.(cedar|cedarschema|ya?ml)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(folder.length).replace(/^\/+/, '')] = await readFile(path, 'utf8');
  }
  return { files };
};
