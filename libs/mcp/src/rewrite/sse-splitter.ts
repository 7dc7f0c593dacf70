import { isUtf8 } from 'node:buffer';
import { AppError } from '@sallyport/contracts';

/** One complete event of a stream, its lines in order without their ends. */
export interface SseEvent {
  readonly lines: readonly SseLine[];
  /** The data lines joined as a client joins them; `null` when the event has none. */
  readonly data: string | null;
}

export interface SseLine {
  /** Empty for a comment. */
  readonly field: string;
  readonly value: string;
}

const LF = 0x0a;
const CR = 0x0d;

const lineOf = (line: string): SseLine => {
  const colon = line.indexOf(':');
  if (colon < 0) return { field: line, value: '' };
  const value = line.slice(colon + 1);
  return { field: line.slice(0, colon), value: value.startsWith(' ') ? value.slice(1) : value };
};

/**
 * Splits a byte stream into server-sent events (WHATWG HTML, 9.2.6), the same however the bytes are cut into chunks. LF, CR and CRLF end a
 * line; a byte order mark may open the stream; an event that the stream cuts off is never given out. Throws `upstream.answer-too-large` for
 * an event of more than `maxEventBytes`, `upstream.answer-invalid` for bytes that are not UTF-8.
 */
export class SseSplitter {
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private lineIsEmpty = true;
  private afterCr = false;
  private first = true;

  constructor(private readonly maxEventBytes: number) {}

  /** The events that this chunk completes. */
  push(chunk: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.afterCr) {
        this.afterCr = false;
        if (byte === LF) {
          // The second half of a CRLF whose first half already ended its line: between events it belongs to nothing.
          if (at === start && this.heldBytes === 0) start++;
          continue;
        }
      }
      if (byte !== LF && byte !== CR) {
        this.lineIsEmpty = false;
        continue;
      }
      this.afterCr = byte === CR;
      if (!this.lineIsEmpty) {
        this.lineIsEmpty = true;
        continue;
      }
      const event = this.complete(chunk.subarray(start, at + 1));
      if (event !== null) events.push(event);
      start = at + 1;
    }
    if (start < chunk.length) this.hold(chunk.subarray(start));
    return events;
  }

  private hold(part: Uint8Array): void {
    this.heldBytes += part.length;
    if (this.heldBytes > this.maxEventBytes)
      throw new AppError('upstream.answer-too-large', `an event of more than ${this.maxEventBytes} bytes`, { detail: { reached: 'yes' } });
    this.held.push(part);
  }

  private complete(last: Uint8Array): SseEvent | null {
    this.hold(last);
    const bytes = this.held.length === 1 ? last : Buffer.concat(this.held);
    this.held = [];
    this.heldBytes = 0;
    if (!isUtf8(bytes)) throw new AppError('upstream.answer-invalid', 'an event is not UTF-8', { detail: { reached: 'yes' } });
    let text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    if (this.first && text.startsWith('\ufeff')) text = text.slice(1);
    this.first = false;
    const lines = text
      .split(/\r\n|\r|\n/)
      .filter((line) => line !== '')
      .map(lineOf);
    if (lines.length === 0) return null;
    const data = lines.filter(({ field }) => field === 'data').map(({ value }) => value);
    return { lines, data: data.length === 0 ? null : data.join('\n') };
  }
}
