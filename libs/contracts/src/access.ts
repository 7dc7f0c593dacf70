import { SERVICES, type Service, TOPICS, type TopicDefinition } from './topics.js';

/** Kafka's operations that a service may need. */
export type AccessOperation = 'Read' | 'Write' | 'Describe' | 'DescribeConfigs';

/** One permission of one service on the broker. What no rule allows is refused: that is what makes one writer per topic true. */
export interface AccessRule {
  /** The service's principal on the broker is `User:<service>`. */
  readonly service: Service;
  readonly resource: 'topic' | 'group';
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed';
  readonly operations: readonly AccessOperation[];
}

/**
 * The least that each service needs, derived from the topics table: it writes what is its own, reads what is meant for it, and looks at the
 * layout of both. Creating topics is no service's right; an administrator creates them from the same table. Sorted, so that a diff is a change.
 */
export const accessRulesOf = (topics: Readonly<Record<string, TopicDefinition>> = TOPICS): readonly AccessRule[] =>
  SERVICES.flatMap((service): AccessRule[] => {
    const ofTopics = Object.entries(topics)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, { from, to }]): AccessRule[] => {
        const operations: AccessOperation[] = [
          ...(to.includes(service) ? (['Read'] as const) : []),
          ...(from === service ? (['Write'] as const) : []),
        ];
        if (operations.length === 0) return [];
        return [{ service, resource: 'topic', name, pattern: 'literal', operations: [...operations, 'Describe', 'DescribeConfigs'] }];
      });
    // A service's group is named after it; the edge has one an instance, `edge-gateway.<instance>`.
    const ofGroups: AccessRule[] = [
      { service, resource: 'group', name: service, pattern: 'literal', operations: ['Read', 'Describe'] },
      { service, resource: 'group', name: `${service}.`, pattern: 'prefixed', operations: ['Read', 'Describe'] },
    ];
    return [...ofTopics, ...ofGroups];
  });
