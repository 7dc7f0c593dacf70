/**
 * What policies may be written about. Fixed here, because the decision point builds exactly these entities; a policy set adds only the
 * arguments it reads (`arguments.cedarschema`).
 */
const BASE = `
// A server of the catalog: an upstream and everything it offers.
entity Server;

// A tool as the catalog holds it. What a record lacks is absent: ask with \`has\`.
entity Tool in [Server] = {
  server: Server,
  name: String,
  tier?: String,          // read, write-low, write-high
  lifecycle?: String,     // draft, active, deprecated, retired
  tags: Set<String>,      // e.g. export, delete
  owner?: String,
  dataDomain?: String,
  version?: String,
};
entity Prompt in [Server] = { server: Server, name: String };
entity Resource in [Server] = { server: Server, uri: String };
// The gateway itself: the target of requests that name no server.
entity Gateway;

// Who acts: the agent nearest to the call, or the user or service where no agent stands between.
entity User, Service, Agent = {
  subject: String,             // user:ada
  scopes: Set<String>,         // after every ceiling: the user's, every agent's, what was delegated, the token's
};

type Request = {
  subject: String,
  actors: Set<String>,
  mode: String,
  environment: String,
  transport: String,
  issuer: String,
  tokenSource: String,
  clientId?: String,
  workflow?: String,           // the claim verified in the token
  labels: Set<String>,         // what the detectors found in the arguments
  plan: Bool,
  granted: Bool,               // grants.yaml names this tool, or its server, for who acts
  arguments: Arguments,
};

// To know that a thing exists; for a server, that of its prompts and resources.
action list appliesTo { principal: [User, Service, Agent], resource: [Tool, Server, Gateway], context: Request };
action call appliesTo { principal: [User, Service, Agent], resource: [Tool], context: Request };
// To fetch a prompt or a resource, or ask for completions.
action read appliesTo { principal: [User, Service, Agent], resource: [Prompt, Resource, Server, Gateway], context: Request };
action session appliesTo { principal: [User, Service, Agent], resource: [Server, Gateway], context: Request };
action subscribe appliesTo { principal: [User, Service, Agent], resource: [Prompt, Resource, Server, Gateway], context: Request };
`;

const NO_ARGUMENTS = 'type Arguments = {};\n';

/** The whole Cedar schema for a policy set that declares these arguments (`null`: none). */
export const cedarSchema = (argumentsText: string | null): string => `${argumentsText ?? NO_ARGUMENTS}${BASE}`;
