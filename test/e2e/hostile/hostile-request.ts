/** Bytes for the gateway that no honest client would send. */
export interface HostileRequest {
  /** What is wrong with it, for the message of a failed assertion. */
  readonly title: string;
  readonly pieces: readonly (string | Buffer)[] | (() => Iterable<string | Buffer>);
  /** How many answers there must be; default 1. */
  readonly answers?: number;
  /** The sending half is closed after the last piece. */
  readonly endsSending?: boolean;
  /** Codes of rejections that nobody is there to be told of, each once on record. */
  readonly untold?: readonly string[];
}

/** Who sends and whom it is for. */
export interface Surroundings {
  /** Authority of the gateway, as its public URL has it. */
  readonly host: string;
  /** `Authorization` of an agent that may read. */
  readonly agent: string;
  /** `Authorization` of somebody who may audit and operate. */
  readonly office: string;
  /** `Authorization` values that nobody may come in with. */
  readonly strangers: readonly Stranger[];
}

export interface Stranger {
  readonly title: string;
  /** Header lines, without their ends. */
  readonly lines: readonly string[];
}

export type Header = readonly [name: string, value: string];

/** One HTTP/1.1 request as text in Latin-1; `body` is sent as UTF-8 and its length said, unless the headers say something of it. */
export const requestText = (
  host: string,
  line: string,
  headers: readonly (Header | string)[],
  body: string | Buffer | null = null,
): (string | Buffer)[] => {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const lines = headers.map((header) => (typeof header === 'string' ? header : `${header[0]}: ${header[1]}`));
  const saysLength = lines.some((text) => /^(content-length|transfer-encoding):/i.test(text));
  const head = [`${line} HTTP/1.1`, `Host: ${host}`, ...lines];
  if (bytes !== null && !saysLength) head.push(`Content-Length: ${bytes.length}`);
  return [`${head.join('\r\n')}\r\n\r\n`, ...(bytes === null ? [] : [bytes])];
};

export const REVISION = '2026-07-28';

/** What a client of today sends beside its token. */
export const MODERN_HEADERS: readonly Header[] = [
  ['content-type', 'application/json'],
  ['accept', 'application/json, text/event-stream'],
  ['mcp-protocol-version', REVISION],
];

export const LEGACY_HEADERS: readonly Header[] = [
  ['content-type', 'application/json'],
  ['accept', 'application/json, text/event-stream'],
  ['mcp-protocol-version', '2025-11-25'],
];

export const META = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A call that would be answered if nothing were done to it. */
export const aCall = (name: unknown = 'echo', args: unknown = { text: 'hostile' }): Record<string, unknown> => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: args, _meta: META },
});

/** A header value for any text: as the protocol wants it where a header cannot carry it as it is. */
export const headerValue = (text: string): string =>
  /^[\x21-\x7e]+$/.test(text) ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
