import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ToolDefinition } from '../upstream/tool-definition.js';
import { digestDefinition } from './digest-definition.js';
import { aggregatedName, indexAggregatedNames, splitAggregatedName } from './names.js';

const tool: ToolDefinition = {
  name: 'write_note',
  title: 'Write',
  description: 'Writes a note.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' }, n: { type: 'integer' } } },
  outputSchema: { type: 'object' },
  annotations: { readOnlyHint: false },
  icons: [{ src: 'https://example.org/i.png' }],
};

describe('the digest of a definition', () => {
  test('is the same for every order of members', () => {
    const turned = Object.fromEntries(Object.entries(tool).reverse());
    expect(digestDefinition({ ...turned, name: 'write_note' })).toBe(digestDefinition(tool));
    expect(digestDefinition(tool)).toBe('sha256:bc80d84fcbfd86d56921dd20237956072977b4013cacb1c9811be2da9e4661b6');
  });

  test.each(['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations', 'icons'])('changes with its %s', (field) => {
    expect(digestDefinition({ ...tool, [field]: 'changed' })).not.toBe(digestDefinition(tool));
  });

  test('does not change with what the upstream keeps for itself', () => {
    expect(digestDefinition({ ...tool, _meta: { build: 7 }, execution: { taskSupport: 'optional' } })).toBe(digestDefinition(tool));
  });
});

describe('the aggregated name of a tool', () => {
  const server = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/);
  const toolName = fc.stringMatching(/^[A-Za-z0-9_.-]{1,128}$/);

  test('says which server and tool it stands for', () => {
    expect(aggregatedName('fs', 'write_file')).toBe('fs__write_file');
    expect(splitAggregatedName('fs___private__name')).toEqual({ server: 'fs', tool: '_private__name' });
    for (const name of ['', 'fs', '__x', 'fs__', 'write_file']) expect(splitAggregatedName(name)).toBeNull();
  });

  test('fits 64 characters, is stable, and leads back', () => {
    fc.assert(
      fc.property(server, toolName, (s, t) => {
        const name = aggregatedName(s, t);
        expect(name.length).toBeLessThanOrEqual(64);
        expect(aggregatedName(s, t)).toBe(name);
        expect(indexAggregatedNames([{ server: s, tool: t }]).get(name)).toEqual({ server: s, tool: t });
        if (`${s}__${t}`.length <= 64) expect(splitAggregatedName(name)).toEqual({ server: s, tool: t });
      }),
    );
  });

  test('differs for tools that differ only beyond the cut', () => {
    const long = 'x'.repeat(100);
    expect(aggregatedName('fs', `${long}1`)).not.toBe(aggregatedName('fs', `${long}2`));
  });

  test('stands for nobody when two share it', () => {
    const long = 'x'.repeat(100);
    const shortened = aggregatedName('fs', long);
    const imitation = splitAggregatedName(shortened);
    expect(imitation).not.toBeNull();
    const index = indexAggregatedNames([{ server: 'fs', tool: long }, ...(imitation === null ? [] : [imitation])]);
    expect(index.get(shortened)).toBeUndefined();
  });
});
