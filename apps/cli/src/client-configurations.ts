/** What to paste where, so that an agent client talks to this gateway. Names and shapes are those of each client's documentation. */
export const clientConfigurations = (baseUrl: string): readonly { client: string; how: string; text: string }[] => {
  const url = `${baseUrl}/mcp`;
  const header = { Authorization: 'Bearer YOUR_TOKEN' };
  return [
    {
      client: 'Claude Code',
      how: 'run',
      text: `claude mcp add --transport http sallyport ${url} --header "Authorization: Bearer YOUR_TOKEN"`,
    },
    { client: 'Cursor', how: '.cursor/mcp.json', text: JSON.stringify({ mcpServers: { sallyport: { url, headers: header } } }) },
    {
      client: 'VS Code',
      how: '.vscode/mcp.json',
      text: JSON.stringify({ servers: { sallyport: { type: 'http', url, headers: header } } }),
    },
    {
      client: 'MCP Inspector',
      how: 'run',
      text: `npx @modelcontextprotocol/inspector --cli ${url} --transport http --header "Authorization: Bearer YOUR_TOKEN" --method tools/list`,
    },
  ];
};
