export {
  AUTHORIZATION_PATH,
  type AuthorizationServer,
  type AuthorizationServerOptions,
  openAuthorizationServer,
} from './authorization-server.js';
export { CLI_CLIENT_ID, CONSOLE_CLIENT_ID } from './clients.js';
export { DevelopmentIssuer, type DevelopmentToken } from './development-issuer.js';
export { AUTHORIZATION_SERVER_MIGRATIONS } from './migrations/index.js';
