/** A record of the log as the event chain covers it. */
export interface ChainRecord {
  readonly topic: string;
  readonly partition: number;
  readonly position: bigint;
  readonly key: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The data exactly as it was written: JSON text, or whatever a dead letter holds. */
  readonly value: string;
}

/** SHA-256 of the UTF-8 bytes of a text, in hexadecimal digits. */
export type Sha256 = (text: string) => string;

/** The hash before the first entry of every chain. */
export const CHAIN_GENESIS = '0'.repeat(64);

const byCodeUnit = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/**
 * The one text a record is hashed as: JSON of topic, partition, position, key, id, headers and value with sorted names (RFC 8785; the
 * position is a string, so that no reader loses digits). Two records differ exactly when their texts do.
 */
export const canonicalRecord = (record: ChainRecord): string => {
  const headers = Object.keys(record.headers)
    .sort(byCodeUnit)
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(record.headers[name])}`)
    .join(',');
  return `{"headers":{${headers}},"id":${JSON.stringify(record.id)},"key":${JSON.stringify(record.key)},"partition":${record.partition},"position":"${record.position}","topic":${JSON.stringify(record.topic)},"value":${JSON.stringify(record.value)}}`;
};

/** The hash of an entry: SHA-256 over the hash of the entry before it (hexadecimal) followed by the canonical text of its record. */
export const chainHash = (sha256: Sha256, previousHash: string, record: ChainRecord): string =>
  sha256(previousHash + canonicalRecord(record));
