/**
 * What to paste where, so that an agent client talks to this gateway: the address, and it logs in by itself. Names and shapes are those of each client's documentation.
 */
export const clientConfigurations = (baseUrl: string): readonly { client: string; how: string; text: string }[] => {
  const url = `${baseUrl}/mcp`;
  return [
    {
      client: 'Claude Code',
      how: 'run',
      text: `claude mcp add --transport http sallyport ${url}`,
    },
    { client: 'Cursor', how: '.cursor/mcp.json', text: JSON.stringify({ mcpServers: { sallyport: { url } } }) },
    {
      client: 'VS Code',
      how: '.vscode/mcp.json',
      text: JSON.stringify({ servers: { sallyport: { type: 'http', url } } }),
    },
    {
      client: 'MCP Inspector',
      how: 'run',
      text: `npx @modelcontextprotocol/inspector --transport http --server-url ${url}`,
    },
  ];
};
