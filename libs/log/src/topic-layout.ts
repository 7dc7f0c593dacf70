import { SERVICES, TOPICS } from '@sallyport/contracts';

/** What an adapter must know of a topic. */
export interface TopicSpec {
  /** Fixed for life: the key decides the partition. */
  readonly partitions: number;
  readonly cleanup: 'delete' | 'compact';
}

export type TopicLayout = Readonly<Record<string, TopicSpec>>;

/** The product's topics. */
export const productTopics: TopicLayout = TOPICS;

/** Throws for a topic nobody declared: a fault of the caller, not of the log. */
export const topicSpec = (layout: TopicLayout, topic: string): TopicSpec => {
  const spec = layout[topic];
  if (spec === undefined) throw new TypeError(`unknown topic ${topic}`);
  return spec;
};

/** FNV-1a over UTF-8 with a final mix (its low bits alone spread badly over 8 partitions). Part of the data's layout: never change it. */
const hashOf = (key: string): number => {
  let hash = 0x811c9dc5;
  const bytes = Buffer.from(key, 'utf8');
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
};

/** The partition of a key: the same on every log and for ever. */
export const partitionOf = (key: string, partitions: number): number => (partitions === 1 ? 0 : hashOf(key) % partitions);

/** Positive 31-bit hash for lock keys and the like. */
export const hash31 = (text: string): number => hashOf(text) & 0x7fffffff;

/** The dead letter of a group; see `SubscribeOptions.deadLetterTopic`. */
export const deadLetterTopicOf = (layout: TopicLayout, group: string): string => {
  const own = `${group}.dead-letter.v1`;
  if (layout[own] !== undefined) return own;
  const service = SERVICES.find((name) => group === name || group.startsWith(`${name}.`));
  const shared = `${service}.dead-letter.v1`;
  if (service === undefined || layout[shared] === undefined) throw new TypeError(`group ${group} has no dead letter topic`);
  return shared;
};

/** All partitions of topics, sorted: every member of a group sees the same list. */
export const partitionsOf = (layout: TopicLayout, topics: readonly string[]): TopicPartition[] =>
  [...topics]
    .sort()
    .flatMap((topic) => Array.from({ length: topicSpec(layout, topic).partitions }, (_, partition) => ({ topic, partition })));

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
