export { consumptionMigrations } from './consumption/consumption-migrations.js';
export { DEAD_LETTER_HEADERS } from './consumption/dead-letter.js';
export type { PoisonedRecord, PositionMove, PositionStore } from './consumption/position-store.port.js';
export { postgresPositions, resolvePoisonedChain } from './consumption/postgres-position-store.js';
export { CONTRACT_TOPICS, type ContractTest, type EventLogHarness, eventLogContract } from './event-log.contract.js';
export {
  type EventLog,
  isTransactional,
  type LogFault,
  type LogRecord,
  RECORD_BYTES_MAX,
  type ReceivedRecord,
  type RecordBatch,
  type SubscribeOptions,
  type Subscription,
  type TransactionalEventLog,
} from './event-log.port.js';
export { applyAccessRules, topicsOfService } from './kafka/access.js';
export { type KafkaConnectionOptions, type KafkaSasl, type KafkaTls, SocketPool } from './kafka/kafka-connection.js';
export { type KafkaEventLogOptions, openKafkaEventLog } from './kafka/kafka-event-log.adapter.js';
export { MemoryEventLog, type MemoryEventLogOptions } from './memory/memory-event-log.adapter.js';
export { MemoryPositions } from './memory/memory-positions.js';
export { type GroupBinding, LogStrategy, type LogStrategyOptions } from './nest/log.strategy.js';
export { LOG_TRANSPORT, type LogBatchOptions, OnLogBatch } from './nest/on-log-batch.decorator.js';
export { type OpenEventLogOptions, openEventLog } from './open-event-log.js';
export { appendToOutbox, OutboxPublisher, type StagedRecords } from './outbox.js';
export { maintainLog } from './postgres/log-maintenance.js';
export { openPostgresEventLog, type PostgresEventLogOptions } from './postgres/postgres-event-log.adapter.js';
export { runService } from './service/run-service.js';
export { type ServiceApplicationOptions, type ServicePart, startServiceApplication } from './service/service-application.js';
export {
  openProcessRuntime,
  openServiceRuntime,
  PRODUCT_VERSION,
  type ProcessRuntime,
  type ServiceRuntime,
} from './service/service-runtime.js';
export { partitionOf, productTopics, type TopicLayout, type TopicPartition, type TopicSpec } from './topic-layout.js';
