/**
 * Every attribute name that leaves this product, and no other file spells one.
 * `mcp.*`, `gen_ai.*` and `jsonrpc.*` follow the OpenTelemetry semantic conventions for generative AI and MCP, which are in development: the
 * schema URL says which edition, and names move here alone. Values are codes, ids and names; never an argument, a result or a token.
 */
export const ATTRIBUTES = {
  mcpMethodName: 'mcp.method.name',
  mcpProtocolVersion: 'mcp.protocol.version',
  mcpResourceUri: 'mcp.resource.uri',
  /** Legacy sessions only. */
  mcpSessionId: 'mcp.session.id',
  toolName: 'gen_ai.tool.name',
  promptName: 'gen_ai.prompt.name',
  /** `execute_tool`, for tools/call only. */
  operationName: 'gen_ai.operation.name',
  jsonrpcRequestId: 'jsonrpc.request.id',
  jsonrpcProtocolVersion: 'jsonrpc.protocol.version',
  rpcStatusCode: 'rpc.response.status_code',
  /** An error code of the registry, or `tool_error` when a result says `isError`. */
  errorType: 'error.type',
  networkTransport: 'network.transport',
  networkProtocolName: 'network.protocol.name',
  networkProtocolVersion: 'network.protocol.version',
  clientAddress: 'client.address',
  clientPort: 'client.port',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  httpRequestMethod: 'http.request.method',
  httpResponseStatusCode: 'http.response.status_code',
  httpRoute: 'http.route',
  messagingSystem: 'messaging.system',
  messagingDestinationName: 'messaging.destination.name',
  messagingOperationType: 'messaging.operation.type',
  messagingConsumerGroup: 'messaging.consumer.group.name',
  messagingPartition: 'messaging.destination.partition.id',
  messagingBatchCount: 'messaging.batch.message_count',
  tenantId: 'sallyport.tenant.id',
  callId: 'sallyport.call.id',
  chainId: 'sallyport.chain.id',
  subject: 'sallyport.subject',
  actor: 'sallyport.actor',
  attempt: 'sallyport.attempt',
  evaluation: 'sallyport.evaluation',
  decision: 'sallyport.decision',
  policyId: 'sallyport.policy.id',
  policyVersion: 'sallyport.policy.version',
  approvalId: 'sallyport.approval.id',
  budgetAccount: 'sallyport.budget.account',
  riskTier: 'sallyport.tool.risk_tier',
  taint: 'sallyport.taint',
  upstream: 'sallyport.upstream',
  breakerState: 'sallyport.breaker.state',
  stage: 'sallyport.stage',
  outcome: 'sallyport.outcome',
  contentLabel: 'sallyport.content.label',
  direction: 'sallyport.direction',
  eventType: 'sallyport.event.type',
} as const;

export type AttributeName = (typeof ATTRIBUTES)[keyof typeof ATTRIBUTES];

/** A value of a span or a measurement. */
export type AttributeValue = string | number | boolean | readonly string[];

export type Attributes = { readonly [name in AttributeName]?: AttributeValue | undefined };

/** The edition of the conventions above. */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.42.0';
