export {
  type AgentEntry,
  type DelegationEntry,
  type IdentityDirectory,
  type ScopesInForce,
  scopesInForce,
  type UserEntry,
} from './effective-scopes.js';
