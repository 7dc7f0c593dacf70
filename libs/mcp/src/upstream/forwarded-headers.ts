/** What of a client's headers an upstream may see: the protocol's own and the trace. Identity, cookies, origin and hop-by-hop headers stay here. */
const FORWARDED: ReadonlySet<string> = new Set([
  'accept',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'traceparent',
  'tracestate',
  'baggage',
]);

/**
 * The headers of an exchange that go on, in lower case. `Mcp-Param-*` goes on as it is given: whoever masks an argument recomputes it
 * (`standardHeaders`), or the header tells what the body hides.
 */
export const forwardedHeaders = (headers: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> => {
  const forwarded: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    const key = name.toLowerCase();
    if (value === undefined || !(FORWARDED.has(key) || key.startsWith('mcp-param-'))) continue;
    forwarded[key] = typeof value === 'string' ? value : value.join(', ');
  }
  return forwarded;
};
