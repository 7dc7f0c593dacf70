import { v7 } from 'uuid';

/** Where identifiers come from. Tests put their own in its place. */
export interface IdSource {
  /** A UUID of version 7 (RFC 9562): sorts by the time it was made, unique across replicas without talking to them. */
  uuidv7(): string;
}

export const systemIdSource: IdSource = { uuidv7: () => v7() };
