import { type AccessOperation, type AccessRule, type Service, TOPICS, type TopicDefinition } from '@sallyport/contracts';
import type { AclOperationTypes as AclOperation } from 'kafkajs';
import { type KafkaConnectionOptions, kafkaClient } from './kafka-connection.js';
import { kafkajs } from './kafkajs.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const OPERATIONS: Readonly<Record<AccessOperation, AclOperation>> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
};
const RESOURCES = { topic: AclResourceTypes.TOPIC, group: AclResourceTypes.GROUP };
const PATTERNS = { literal: ResourcePatternTypes.LITERAL, prefixed: ResourcePatternTypes.PREFIXED };

/** Adds access rules to a cluster, as an administrator of it. Throws what the client throws. */
export const applyAccessRules = async (connection: KafkaConnectionOptions, rules: readonly AccessRule[]): Promise<void> => {
  const admin = kafkaClient(connection).admin();
  await admin.connect();
  try {
    await admin.createAcls({
      acl: rules.flatMap(({ service, resource, name, pattern, operations }) =>
        operations.map((operation) => ({
          principal: `User:${service}`,
          host: '*',
          resourceType: RESOURCES[resource],
          resourceName: name,
          resourcePatternType: PATTERNS[pattern],
          operation: OPERATIONS[operation],
          permissionType: AclPermissionTypes.ALLOW,
        })),
      ),
    });
  } finally {
    await admin.disconnect();
  }
};

/** The topics a service writes or reads: all that it may see, and what it needs to be there (`requiredTopics`). */
export const topicsOfService = (service: Service): readonly string[] =>
  Object.entries<TopicDefinition>(TOPICS)
    .filter(([, { from, to }]) => from === service || to.includes(service))
    .map(([name]) => name);
