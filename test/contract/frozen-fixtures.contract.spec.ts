import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeEvent, EVENT_DEFINITIONS, encodeEvent, TOPICS, topicOf } from '@sallyport/contracts';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';

const FOLDER = fileURLToPath(new URL('./fixtures/', import.meta.url));

interface Fixture {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: unknown;
}

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.json'))
  .sort();
const fixtureOf = (file: string) => JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as Fixture;
const newestVersionOf = (type: string) =>
  Math.max(...EVENT_DEFINITIONS.filter((event) => event.type === type).map(({ version }) => version));

/** `<topic>/<Event>/v<N>/<name>.json` */
const placeOf = (file: string) => {
  const [topic = '', type = '', version = ''] = file.split('/');
  return { topic, type, version: Number(version.slice(1)) };
};

describe('a fixture of a released event version', () => {
  test('is never edited, and none is lost: every file and its digest stand in FROZEN.txt', () => {
    const actual = files.map(
      (file) =>
        `${createHash('sha256')
          .update(readFileSync(`${FOLDER}${file}`))
          .digest('hex')}  ${file}`,
    );
    expect(actual).toEqual(readFileSync(`${FOLDER}FROZEN.txt`, 'utf8').trim().split('\n'));
  });

  test.each(EVENT_DEFINITIONS.map(({ type, version }) => [`${topicOf(type)}/${type}/v${version}/`]))('exists for %s', (folder) => {
    expect(files.filter((file) => file.startsWith(folder))).not.toEqual([]);
  });

  test('belongs to a version that is still declared: what was once written is read for ever', () => {
    const declared = new Set(EVENT_DEFINITIONS.map(({ type, version }) => `${type}.v${version}`));
    expect(files.map(placeOf).filter(({ type, version }) => !declared.has(`${type}.v${version}`))).toEqual([]);
  });

  test.each(files)('%s is read, brought to the newest version, and its topic is the one of its folder', (file) => {
    const { topic, type } = placeOf(file);
    const { headers, data, key } = fixtureOf(file);
    const event = decodeEvent({ headers, value: JSON.stringify(data) });
    expect(event).toMatchObject({ type, key, version: newestVersionOf(type) });
    expect(topicOf(event.type)).toBe(topic);
    expect(Object.keys(TOPICS)).toContain(topic);
  });

  test.each(files)('%s comes back the same when it is written again', (file) => {
    const { headers, data } = fixtureOf(file);
    const event = decodeEvent({ headers, value: JSON.stringify(data) });
    const again = encodeEvent(event);
    expect(decodeEvent(again)).toEqual(event);
    const isWritten = again.headers.ce_type === headers.ce_type;
    if (isWritten) expect(again.headers).toEqual(headers);
    if (isWritten && placeOf(file).version === newestVersionOf(event.type)) expect(JSON.parse(again.value)).toEqual(data);
  });

  test.each(files)('%s leads to a record that the version before, where that is still what is written, can read', (file) => {
    const { headers, data } = fixtureOf(file);
    const { headers: written, value } = encodeEvent(decodeEvent({ headers, value: JSON.stringify(data) }));
    const { type } = placeOf(file);
    const definition: { readonly data: z.ZodType } | undefined = EVENT_DEFINITIONS.find(
      (event) => event.type === type && written.ce_type === `io.sallyport.${type}.v${event.version}`,
    );
    expect(definition?.data.safeParse(JSON.parse(value)).success).toBe(true);
  });

  test.each(files)('%s is read with fields that nobody knows yet: a newer writer breaks no reader', (file) => {
    const { headers, data } = fixtureOf(file);
    const value = JSON.stringify({ ...(data as object), fieldOfALaterVersion: { nested: true } });
    expect(() => decodeEvent({ headers: { ...headers, ce_later: 'x' }, value })).not.toThrow();
  });
});
