import { accessRulesOf, EVENT_DEFINITIONS, SERVICES, TOPICS, type TopicDefinition } from '@sallyport/contracts';
import { describe, expect, test } from 'vitest';

const topics: [string, TopicDefinition][] = Object.entries(TOPICS);
const types = [...new Set(EVENT_DEFINITIONS.map(({ type }) => type))];

describe('the topics table', () => {
  test.each(types)('carries %s on exactly one topic', (type) => {
    expect(topics.filter(([, { events }]) => events.includes(type))).toHaveLength(1);
  });

  test('names no event that has no schema', () => {
    const known = new Set<string>([...types, '*']);
    expect(topics.flatMap(([, { events }]) => events).filter((type) => !known.has(type))).toEqual([]);
  });

  test.each(topics)('names %s in lower case with dots and hyphens, ending in a version', (name) => {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*\.v[1-9][0-9]*$/);
  });

  test('gives every service its dead letter, written by it alone', () => {
    for (const service of SERVICES) expect(topics.find(([name]) => name === `${service}.dead-letter.v1`)?.[1].from).toBe(service);
  });

  test('lets the decision point read every dead letter: it refuses the chains they poison', () => {
    for (const [name, { to }] of topics) if (name.endsWith('.dead-letter.v1')) expect(to).toContain('policy-decision');
  });

  test('compacts state and keeps facts', () => {
    for (const [name, { cleanup }] of topics) expect(cleanup).toBe(name.includes('.state.') ? 'compact' : 'delete');
  });
});

describe('access to the broker', () => {
  const rules = accessRulesOf();

  test.each(topics)('lets exactly one service write %s', (name, { from }) => {
    const writers = rules.filter((rule) => rule.resource === 'topic' && rule.name === name && rule.operations.includes('Write'));
    expect(writers.map(({ service }) => service)).toEqual([from]);
  });

  test.each(topics)('lets exactly the readers of the table read %s', (name, { to }) => {
    const readers = rules.filter((rule) => rule.resource === 'topic' && rule.name === name && rule.operations.includes('Read'));
    expect(readers.map(({ service }) => service).sort()).toEqual([...to].sort());
  });

  test('gives nobody a pattern over topics, and nobody the group of another service', () => {
    for (const { resource, pattern, name, service } of rules) {
      if (resource === 'topic') expect(pattern).toBe('literal');
      else expect(name === service || name === `${service}.`).toBe(true);
    }
  });
});
