import { Kafka, logLevel } from 'kafkajs';

/** Hands every record of every topic of a broker to `visit`, as text: key, headers and value. Returns how many there are by topic. */
export const dumpTopics = async (
  brokers: readonly string[],
  visit: (topic: string, text: string) => void,
): Promise<ReadonlyMap<string, number>> => {
  const kafka = new Kafka({ clientId: 'sallyport-dump', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
  const open = new Map<string, bigint>();
  const counts = new Map<string, number>();
  for (const topic of topics) {
    counts.set(topic, 0);
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      if (BigInt(high) > BigInt(low)) open.set(`${topic}/${partition}`, BigInt(high));
    }
  }
  await admin.disconnect();
  if (open.size === 0) return counts;
  const consumer = kafka.consumer({ groupId: `sallyport-dump-${process.pid}-${performance.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachBatch: async ({ batch }) => {
          for (const { key, headers, value } of batch.messages) {
            const told = Object.entries(headers ?? {}).map(([name, header]) => `${name}: ${String(header)}`);
            visit(batch.topic, [key?.toString() ?? '', ...told, value?.toString() ?? ''].join('\t'));
          }
          counts.set(batch.topic, (counts.get(batch.topic) ?? 0) + batch.messages.length);
          const place = `${batch.topic}/${batch.partition}`;
          const end = open.get(place);
          if (end !== undefined && BigInt(batch.lastOffset()) + 1n >= end) open.delete(place);
          if (open.size === 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return counts;
};
