export {
  type AgentEntry,
  type DelegationEntry,
  type IdentityDirectory,
  type ScopeShares,
  type ScopesInForce,
  scopeShares,
  scopesInForce,
  type UserEntry,
} from './effective-scopes.js';
