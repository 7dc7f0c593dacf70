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
 * The one text of a record: JSON of topic, partition, position, key, id, headers and value with sorted names (RFC 8785; the position is a
 * string, so that no reader loses digits). Two records differ exactly when their texts do.
 */
export const canonicalRecord = (record: ChainRecord): string => {
  const headers = Object.keys(record.headers)
    .sort(byCodeUnit)
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(record.headers[name])}`)
    .join(',');
  return `{"headers":{${headers}},"id":${JSON.stringify(record.id)},"key":${JSON.stringify(record.key)},"partition":${record.partition},"position":"${record.position}","topic":${JSON.stringify(record.topic)},"value":${JSON.stringify(record.value)}}`;
};

const SEALED_NAME = '"sealedParams":"';
/** A quote inside a text of the data is escaped, so that nothing but a member of an object looks like this. */
const SEALED = /"sealedParams":"([^"\\]*)"/g;

/**
 * The value with every sealed text replaced by its digest: what a record is hashed as, so that whoever may not see what is sealed can be
 * shown all the rest and still compute the hash. No two values give the same text, as every sealed text is replaced.
 */
export const sealedAsDigests = (sha256: Sha256, value: string): string =>
  value.includes(SEALED_NAME) ? value.replace(SEALED, (_, sealed: string) => `${SEALED_NAME}sha256:${sha256(sealed)}"`) : value;

/** The digest of a record: SHA-256 of its canonical text, in which what is sealed stands as its digest. */
export const recordDigest = (sha256: Sha256, record: ChainRecord): string =>
  sha256(canonicalRecord({ ...record, value: sealedAsDigests(sha256, record.value) }));
