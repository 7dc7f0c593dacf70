export { type AccessOperation, type AccessRule, accessRulesOf } from './access.js';
export { ToolRecord } from './catalog-record.js';
export { claimedFrom } from './claimed-from.js';
export { ControlKind } from './control-kind.js';
export {
  type AnyEnvelope,
  decodeEvent,
  type EncodedEvent,
  type Envelope,
  type EventData,
  type EventType,
  encodeEvent,
  eventTypeOf,
} from './envelope.js';
export { AppError, docsUrlOf, type ErrorBody, isAppError, type PublicDetail, toErrorBody } from './errors/app-error.js';
export { ERRORS, type ErrorCode, type ErrorDefinition, isErrorCode, LOGIN_FAILED } from './errors/registry.js';
export { type DataOf, defineEvent, type EventDefinition } from './event-schema.js';
export * from './events/index.js';
export { HTTP_HEADERS, JWT_CLAIMS, META_KEYS, RECORD_HEADERS } from './headers.js';
export { AccessAnswer, AccessCell, AccessNames, AccessPage, AccessPair, AccessQuery } from './http/access.js';
export {
  AlikeApproval,
  AnswerRefusal,
  ApprovalDemand,
  ApprovalDetail,
  ApprovalHistory,
  ApprovalPage,
  ApprovalProgress,
  ApprovalQuery,
  ApprovalStatus,
  ApprovalSummary,
  ApprovalTailQuery,
  GrantBody,
  RejectBody,
  UnmaskedParams,
} from './http/approvals.js';
export {
  AuditFault,
  AuditFaultKind,
  AuditVerification,
  CallApproval,
  CallPage,
  CallQuery,
  CallRecord,
  CheckpointPage,
  CheckpointQuery,
  LoginPage,
  LoginQuery,
  RebuildQuery,
  RebuiltCalls,
  RejectionPage,
  RejectionQuery,
  StoredEvent,
  TailQuery,
  VerifyQuery,
} from './http/audit.js';
export {
  CallDecision,
  CallDetail,
  CallDispatch,
  CallMoney,
  CallSpan,
  CallStage,
  ChainCall,
  ChainPage,
  ChainQuery,
  ChainTurn,
  LabelFlow,
} from './http/audit-call.js';
export { OVERVIEW_WINDOWS, Overview, OverviewBucket, OverviewQuery } from './http/audit-overview.js';
export {
  CallProof,
  CHECKPOINT_TYPE,
  CheckpointStatement,
  ProofSegment,
  ProvenRecord,
  SignedHead,
} from './http/audit-proof.js';
export {
  AccountStatement,
  BudgetAccount,
  BudgetAccountKind,
  BudgetLimit,
  BudgetPage,
  BudgetQuery,
  BudgetTally,
  BudgetWindow,
  HoldInDoubt,
  HoldsInDoubt,
  LimitInForce,
  OwnBudgets,
  PutBudgetLimit,
  SPENDING_ACCOUNTS_MAX,
  SPENDING_STEPS_MAX,
  Spending,
  SpendingQuery,
  SpendingStep,
  WindowForecast,
  WindowLimit,
  WindowStatement,
} from './http/budget.js';
export { CallInDoubt, CallsInDoubt, CallsInDoubtQuery, ResolveCallBody, ResolvedCall } from './http/calls.js';
export {
  CatalogPage,
  CatalogQuery,
  CatalogServer,
  CatalogServers,
  CatalogTool,
  CatalogWarning,
  DefinitionPinRule,
  ObservedDefinition,
  PinBody,
  ToolInList,
} from './http/catalog.js';
export {
  ConsoleLoginFault,
  ConsoleLoginQuery,
  ConsoleLogout,
  ConsoleLogoutBody,
  ConsoleReturnPath,
  ConsoleRole,
  ConsoleSession,
  ConsoleSessionsQuery,
  EndedConsoleSession,
  OpenConsoleSession,
  OpenConsoleSessions,
} from './http/console-session.js';
export { Control, ControlList, PutControl, ResolveChainBody, ResolvedChain } from './http/controls.js';
export { CallPlan, InvokeAnswer, InvokeBody, InvokePlan, ToolMenu } from './http/invoke.js';
export { HttpError, JsonWebKeys, Liveness, ReadinessReport, ResourceMetadata } from './http/open.js';
export { ownerOf, PATH_OWNERS } from './http/owners.js';
export { PlanBody, PlanChoices } from './http/plan.js';
export {
  PoliciesInForce,
  PolicyChangeNote,
  PolicyFiles,
  PolicyTestResult,
  PolicyTestRun,
  PolicyText,
  PolicyVersion,
  PolicyVersionName,
  PolicyVersionQuery,
  PolicyVersions,
  PutPolicies,
} from './http/policies.js';
export { errorsOf, type HttpRoute, OFFICE_SCOPES, type OfficeScope, type RouteArea, type RouteName } from './http/route.js';
export { HTTP_ROUTES } from './http/routes.js';
export { GroupLag, ServiceStatus, UpstreamHealth, UpstreamsHealth } from './http/status.js';
export { CHAIN_GENESIS, type ChainRecord, canonicalRecord, recordDigest, type Sha256, sealedAsDigests } from './record/canonical-record.js';
export { type CallVerification, type ProofCrypto, type ProofFault, verifyCallProof } from './record/verify-call-proof.js';
export { SERVICES, type Service, TOPICS, type TopicDefinition, type TopicName, topicOf } from './topics.js';
export { upcast, type VersionedData } from './upcasters.js';
export {
  AmountMicros,
  CallPrice,
  Claimed,
  ContentLabel,
  Currency,
  Id,
  Instant,
  type Json,
  JsonValue,
  KeyedDigest,
  Lifecycle,
  Obligation,
  PlainDigest,
  Principal,
  Redaction,
  RequestFacts,
  RiskTier,
  ServerName,
  Target,
  TenantId,
  ToolId,
  ToolReference,
  Traceparent,
} from './values.js';
