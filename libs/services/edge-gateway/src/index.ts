export { EdgeGateway } from './edge-gateway.js';
export { EdgeGatewayModule } from './edge-gateway.module.js';
export type { EdgeGatewayPorts } from './edge-gateway.ports.js';
export { EDGE_DEFAULTS, type EdgeSettings } from './edge-settings.js';
export { leaveRawBodies } from './http/raw-bodies.js';
export { EDGE_GATEWAY_MIGRATIONS } from './migrations/index.js';
export { OwnTokenMinter, type SigningKey, signingKeyFromFile, signingKeyFromText } from './tokens/own-token-minter.adapter.js';
export type { MintedToken, TokenMinter, TokenRequest } from './tokens/token-minter.port.js';
export type { UpstreamSettings } from './upstreams/upstream-directory.js';
