import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { type Dispatch, type SetStateAction, useEffect, useRef, useState } from 'react';
import type { z } from 'zod';
import { ApiFault, malformedFault } from '../api/api-fault.js';
import { addressOf, type QueryParameters, request } from '../api/client.js';

/** Where a stream stands: being opened, open, stopped by the person, waiting for the next try, or refused for good. */
export type LiveStatus =
  | { readonly is: 'connecting' | 'open' | 'paused' }
  | { readonly is: 'waiting'; readonly retryAt: number }
  | { readonly is: 'refused'; readonly fault: ApiFault };

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** The server says something (an event or a comment) at least every quarter of a minute; three times that is silence. */
const SILENCE_MS = 45_000;
const EVENT_CHARACTERS_MAX = 1_000_000;

export interface LiveOptions<Schema extends z.ZodType> {
  readonly path: `/${string}`;
  readonly query?: QueryParameters;
  readonly schema: Schema;
  /** Events of other names are left alone; all are taken without it. */
  readonly event?: string;
  readonly paused?: boolean;
  /** Each event once, in order. May change from one rendering to the next. */
  readonly onEvent: (event: z.infer<Schema>) => void;
}

/**
 * Follows a stream of server-sent events: goes on after the last event seen (`Last-Event-ID`) when the connection breaks or a pause ends, tries
 * again with a growing, scattered pause, at once when the browser is online again, and stops for good where it is refused.
 */
export const useLiveEvents = <Schema extends z.ZodType>(options: LiveOptions<Schema>): LiveStatus => {
  const { path, query, paused = false } = options;
  const address = addressOf(path, query);
  const [status, setStatus] = useState<LiveStatus>({ is: 'connecting' });
  const latest = useRef(options);
  latest.current = options;
  const place = useRef<Place>({ address, lastEventId: '' });

  useEffect(() => {
    if (place.current.address !== address) place.current = { address, lastEventId: '' };
    if (paused) {
      setStatus({ is: 'paused' });
      return;
    }
    const stop = new AbortController();
    void follow(place.current, latest, setStatus, stop.signal);
    return () => stop.abort();
  }, [address, paused]);
  return status;
};

interface Place {
  readonly address: string;
  lastEventId: string;
}

const follow = async <Schema extends z.ZodType>(
  place: Place,
  latest: { readonly current: LiveOptions<Schema> },
  setStatus: Dispatch<SetStateAction<LiveStatus>>,
  stop: AbortSignal,
): Promise<void> => {
  let failures = 0;
  while (!stop.aborted) {
    setStatus({ is: 'connecting' });
    try {
      await readStream(place, latest, stop, () => {
        failures = 0;
        setStatus({ is: 'open' });
      });
    } catch (error) {
      if (stop.aborted) return;
      const isFinal = error instanceof ApiFault && error.kind !== 'offline' && !error.retryable;
      if (isFinal) {
        setStatus({ is: 'refused', fault: error });
        return;
      }
    }
    if (stop.aborted) return;
    failures += 1;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
    setStatus({ is: 'waiting', retryAt: Date.now() + pauseMs });
    await waitOrOnline(pauseMs, stop);
  }
};

const readStream = async <Schema extends z.ZodType>(
  place: Place,
  latest: { readonly current: LiveOptions<Schema> },
  stop: AbortSignal,
  onOpen: () => void,
): Promise<void> => {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const response = await request(place.address, () => ({
      signal: AbortSignal.any([stop, silence.signal]),
      headers: { accept: 'text/event-stream', ...(place.lastEventId === '' ? {} : { 'last-event-id': place.lastEventId }) },
    }));
    if (response.body === null) throw malformedFault('a stream without a body');
    onOpen();
    const parser = createParser({
      maxBufferSize: EVENT_CHARACTERS_MAX,
      // Also of a comment: a place where nothing was is a place to go on from.
      onId: (id) => {
        place.lastEventId = id;
      },
      onEvent: (message) => hand(message, latest.current),
    });
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await text.read();
      if (done || stop.aborted) return;
      heard();
      parser.feed(value);
    }
  } finally {
    clearTimeout(timer);
  }
};

const hand = <Schema extends z.ZodType>(message: EventSourceMessage, { schema, event, onEvent }: LiveOptions<Schema>): void => {
  if (event !== undefined && message.event !== event) return;
  const parsed = schema.safeParse(JSON.parse(message.data));
  if (!parsed.success) throw malformedFault(parsed.error);
  onEvent(parsed.data);
};

const waitOrOnline = (pauseMs: number, stop: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      window.removeEventListener('online', end);
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, pauseMs);
    window.addEventListener('online', end);
    stop.addEventListener('abort', end);
  });
