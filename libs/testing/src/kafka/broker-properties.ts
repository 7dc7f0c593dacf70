/** Everything a broker is told that a test may vary. */
export interface BrokerSettings {
  readonly dataFolder: string;
  readonly ports: { readonly plain: number; readonly controller: number; readonly sasl: number };
  /** Put over the harness's own. */
  readonly properties?: Readonly<Record<string, string | number>>;
  readonly sasl?: { readonly keystore: string; readonly password: string; readonly users: Readonly<Record<string, string>> };
}

/** One node that is broker and controller, with every internal topic unreplicated (Kafka 4.3 documentation, KRaft configuration). */
export const brokerProperties = ({ dataFolder, ports, properties: over, sasl }: BrokerSettings): string => {
  const listeners = [`PLAINTEXT://127.0.0.1:${ports.plain}`, ...(sasl === undefined ? [] : [`SASL_SSL://localhost:${ports.sasl}`])];
  const properties: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${ports.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'log.dirs': dataFolder,
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    ...over,
  };
  if (sasl !== undefined) {
    const accounts = Object.entries(sasl.users)
      .map(([name, password]) => ` user_${name}="${password}"`)
      .join('');
    Object.assign(properties, {
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
      'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl_ssl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required${accounts};`,
      'ssl.keystore.type': 'PKCS12',
      'ssl.keystore.location': sasl.keystore,
      'ssl.keystore.password': sasl.password,
      'ssl.key.password': sasl.password,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'allow.everyone.if.no.acl.found': 'false',
      // The harness itself, on the plain listener.
      'super.users': 'User:ANONYMOUS',
    });
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
};
