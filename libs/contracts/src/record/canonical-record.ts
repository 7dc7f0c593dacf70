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

/** Names that stand in an object in another order than they were put there, or not at all. */
const UNORDERED = /^(?:\d+|__proto__)$/;

/** Headers as JSON with sorted names. */
const canonicalHeaders = (headers: Readonly<Record<string, string>>): string => {
  const names = Object.keys(headers).sort();
  if (names.some((name) => UNORDERED.test(name)))
    return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(headers[name])}`).join(',')}}`;
  // One object, written at once: a third of what its members cost one by one.
  const sorted: Record<string, string | undefined> = {};
  for (const name of names) sorted[name] = headers[name];
  return JSON.stringify(sorted);
};

/**
 * The one text of a record: JSON of topic, partition, position, key, id, headers and value with sorted names (RFC 8785; the position is a
 * string, so that no reader loses digits). Two records differ exactly when their texts do.
 */
export const canonicalRecord = ({ headers, id, key, partition, position, topic, value }: ChainRecord): string =>
  `{"headers":${canonicalHeaders(headers)},"id":${JSON.stringify(id)},"key":${JSON.stringify(key)},"partition":${partition},"position":"${position}","topic":${JSON.stringify(topic)},"value":${JSON.stringify(value)}}`;

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
