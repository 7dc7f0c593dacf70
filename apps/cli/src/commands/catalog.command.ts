import type { CatalogPage, ToolInList, ToolRecord } from '@sallyport/contracts';
import type { Command } from 'commander';
import { connect, withConnectionOptions } from '../connection.js';
import { paint, say, sayJson } from '../terminal.js';

/** `sallyport catalog list | show TOOL | pin TOOL`: the register of tools. */
export const addCatalogCommands = (program: Command): void => {
  const catalog = program.command('catalog').description('see the register of tools, accept a changed definition');

  withConnectionOptions(catalog.command('list'))
    .description('print every tool with its tier and what keeps it from being callable')
    .action(async (options) => {
      const api = await connect(options);
      const tools: ToolInList[] = [];
      for (let after = ''; ; ) {
        const page = await api.json<CatalogPage>('GET', `/v1/catalog?limit=200${after}`);
        tools.push(...page.tools);
        if (page.nextCursor === null) break;
        after = `&cursor=${encodeURIComponent(page.nextCursor)}`;
      }
      if (options.json) return sayJson(tools);
      for (const tool of tools) say(toolLine(tool));
    });

  withConnectionOptions(catalog.command('show'))
    .description('print the record and the pinned definition of one tool')
    .argument('<tool>', 'the tool, as server/tool')
    .action(async (tool: string, options) => sayJson(await (await connect(options)).json('GET', `/v1/catalog/${toolPath(tool)}`)));

  withConnectionOptions(catalog.command('pin'))
    .description('accept the definition that the server shows now; calls are held to it')
    .argument('<tool>', 'the tool, as server/tool')
    .requiredOption('--why <reason>', 'why, for the record')
    .action(async (tool: string, options) => {
      const pinned = await (await connect(options)).json<ToolRecord>('POST', `/v1/catalog/${toolPath(tool)}/pin`, { why: options.why });
      options.json ? sayJson(pinned) : say(toolLine(pinned));
    });
};

const toolPath = (tool: string): string => {
  const slash = tool.indexOf('/');
  return `${encodeURIComponent(tool.slice(0, slash))}/${encodeURIComponent(tool.slice(slash + 1))}`;
};

const toolLine = ({ id, riskTier, lifecycle, missing, driftedDigest }: ToolInList | ToolRecord): string => {
  const state =
    driftedDigest !== null
      ? paint.red('held: its definition changed')
      : missing.length > 0
        ? paint.yellow(`not callable: ${missing.join(', ')}`)
        : paint.green('callable');
  return `${id.padEnd(40)} ${(riskTier ?? '-').padEnd(10)} ${(lifecycle ?? '-').padEnd(10)} ${state}`;
};
