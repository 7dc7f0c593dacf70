import { AppError } from '@sallyport/contracts';
import { fetch } from 'undici';

/** What went wrong when talking to a gateway, in words for the person at the terminal. */
export class ApiFault extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

/** Talks to the HTTP API of a running Sallyport with one token. */
export class ApiClient {
  constructor(
    readonly baseUrl: string,
    private readonly token: string,
  ) {}

  /** One JSON request. Throws `ApiFault` with the gateway's code and summary, or with what to do when nobody answers. */
  async json<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<T> {
    const response = await this.#request(method, path, body);
    return (await response.json()) as T;
  }

  /** Follows a stream of server-sent events until `signal` aborts; yields the data of each event. */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#request('GET', path, undefined, signal);
    if (response.body === null) throw new AppError('internal.error', 'the answer has no body');
    const { EventSourceParserStream } = await import('eventsource-parser/stream');
    const decoded = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const event of decoded) yield event.data;
  }

  async #request(method: string, path: string, body?: unknown, signal?: AbortSignal) {
    let response: Awaited<ReturnType<typeof fetch>>;
    try {
      response = await fetch(new URL(path, this.baseUrl), {
        method,
        signal: signal ?? null,
        headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body: body === undefined ? null : JSON.stringify(body),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new ApiFault(
        `Nobody answers at ${this.baseUrl}. Start Sallyport with \`npm start\`, or name the gateway with --url.`,
        'cli.unreachable',
      );
    }
    if (response.ok) return response;
    const text = await response.text();
    throw faultOf(response.status, text);
  }
}

const faultOf = (status: number, text: string): ApiFault => {
  try {
    const { code, summary, detail } = JSON.parse(text) as { code?: string; summary?: string; detail?: Record<string, unknown> };
    const faults = Array.isArray(detail?.faults) ? `\n${detail.faults.map((fault) => `  ${String(fault)}`).join('\n')}` : '';
    if (code !== undefined) return new ApiFault(`${summary ?? 'The gateway refused.'} (${code})${faults}`, code);
  } catch {
    // Not one of our bodies: something else answers at this address.
  }
  return new ApiFault(
    `The gateway answered ${status} and not as Sallyport does. Is something else listening there?`,
    'cli.unexpected-answer',
  );
};
