export { AUDIT_SCHEMA, auditMigrations } from './audit-migrations.js';
export { AuditProjectorModule } from './audit-projector.module.js';
export { auditProjectorPart } from './audit-projector.part.js';
export { AUDIT_GROUP, AUDIT_SCOPE, type AuditFaultReport, type AuditProjectorPorts, type Authenticator } from './audit-projector.ports.js';
export { type CheckpointKey, checkpointKeyFromFile } from './checkpoints/checkpoint-key.js';
export { CheckpointWriter, type WrittenCheckpoint } from './checkpoints/checkpoint-writer.js';
export { type RecordVerification, type VerifyOptions, verifyRecord } from './verification/verify-record.js';
