import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { META_KEYS } from '@sallyport/contracts';

/** An agent on the official SDK client, which remembers the tools it was shown. */
export class DemoAgent {
  private constructor(
    private readonly client: Client,
    readonly tools: ReadonlySet<string>,
    private readonly lastCallId: () => string,
  ) {}

  static async connect(url: string, name: string, token: string): Promise<DemoAgent> {
    const client = new Client({ name, version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    let lastCallId = '';
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: {
        headers: { authorization: `Bearer ${token}`, 'Sallyport-Model': 'demo-model', 'Sallyport-Intent': 'show what Sallyport does' },
      },
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        lastCallId = response.headers.get('Sallyport-Call-Id') ?? lastCallId;
        return response;
      },
    });
    await client.connect(transport);
    const { tools } = await client.listTools();
    return new DemoAgent(client, new Set(tools.map((tool) => tool.name)), () => lastCallId);
  }

  /** Calls a tool. A protocol error counts as an answer: its text is what the agent would read. */
  async call(
    tool: string,
    args: Record<string, unknown>,
    meta: Readonly<Record<string, string | boolean>> = {},
  ): Promise<{ callId: string; text: string; isError: boolean }> {
    try {
      const result = await this.client.callTool({ name: tool, arguments: args, _meta: meta });
      const text = Array.isArray(result.content) ? result.content.map((part) => ('text' in part ? part.text : '')).join('\n') : '';
      const callId = result._meta?.[META_KEYS.callId];
      return { callId: typeof callId === 'string' ? callId : this.lastCallId(), text, isError: result.isError === true };
    } catch (error) {
      return { callId: this.lastCallId(), text: error instanceof Error ? error.message : String(error), isError: true };
    }
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}
