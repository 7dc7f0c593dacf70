import { type ChainRecord, canonicalRecord, recordDigest, type Sha256 } from '@sallyport/contracts';

/** An entry's place among all before it: SHA-256 over the hash of the entry before it followed by the digest of its record, both hexadecimal. */
export const linkHash = (sha256: Sha256, previousHash: string, digest: string): string => sha256(previousHash + digest);

/** The hash of an entry, from its record. */
export const chainHash = (sha256: Sha256, previousHash: string, record: ChainRecord): string =>
  linkHash(sha256, previousHash, recordDigest(sha256, record));

/** The hash of an entry that was recorded before entries had digests: over the whole text, which no digest can be taken for. */
export const chainHashOfText = (sha256: Sha256, previousHash: string, record: ChainRecord): string =>
  sha256(previousHash + canonicalRecord(record));
