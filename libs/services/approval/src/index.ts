export { APPROVAL_SCHEMA, approvalMigrations } from './approval.migrations.js';
export { ApprovalModule } from './approval.module.js';
export { approvalPart } from './approval.part.js';
export { APPROVAL_GROUP, APPROVE_SCOPE, type ApprovalPorts, type Authenticator, type TenantRules } from './approval.ports.js';
