import { AppError } from '@sallyport/contracts';
import { z } from 'zod';

/** Where a page ended: the time and the id of its last row. */
export interface PagePlace {
  /** RFC 3339 with microseconds, as PostgreSQL writes it: a time cut to milliseconds would skip or repeat rows. */
  readonly at: string;
  readonly id: string;
}

/** No table holds a NUL. */
const RowId = z
  .string()
  .max(256)
  .refine((id) => !id.includes('\u0000'));
const Place = z.tuple([z.iso.datetime({ precision: 6 }), RowId]);

/** An opaque text for a place. It holds nothing that the page it came with did not. */
export const encodeCursor = ({ at, id }: PagePlace): string => Buffer.from(JSON.stringify([at, id])).toString('base64url');

/** The place of a cursor; `null` without one. Throws `request.invalid` for one that was not given out. */
export const decodeCursor = (cursor: string | undefined): PagePlace | null => {
  if (cursor === undefined) return null;
  try {
    const [at, id] = Place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { at, id };
  } catch (cause) {
    throw new AppError('request.invalid', 'not a cursor of ours', { cause, detail: { paths: ['cursor'] } });
  }
};
