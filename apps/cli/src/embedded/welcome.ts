import { clientConfigurations } from '../client-configurations.js';
import { paint } from '../terminal.js';

/** What a person reads when everything runs: where, with which token, how to connect, what next. */
export const welcome = (baseUrl: string): readonly string[] => [
  '',
  `  Gateway   ${paint.bold(baseUrl)}   MCP at ${baseUrl}/mcp, one server at ${baseUrl}/mcp/fs`,
  `  Console   ${paint.bold(`${baseUrl}/console`)}`,
  `  Token     ${paint.bold('npx sallyport token ada --agent triage')}   (people: ada, grace; agents: triage, writer)`,
  '',
  '  Connect a client; it opens the login in your browser:',
  ...clientConfigurations(baseUrl).flatMap(({ client, how, text }) => [`    ${client}, ${how}:`, paint.dim(`      ${text}`)]),
  '',
  `  Next      ${paint.bold('npm run demo')} in a second terminal`,
  '',
];
