import { CLUSTER_SERVICES, type Cluster } from '@sallyport/testing';

/** `kafka`: a process per service on a broker and a PostgreSQL. `embedded`: all of it in one process on its own PostgreSQL. */
export const FAULT_SIZES = ['kafka', 'embedded'] as const;
export type FaultSize = (typeof FAULT_SIZES)[number];

/** What is killed, by size. */
export const VICTIMS = {
  kafka: [...CLUSTER_SERVICES, 'broker', 'postgresql'],
  embedded: ['process', 'postgresql'],
} as const satisfies Record<FaultSize, readonly string[]>;
export type Victim = (typeof VICTIMS)[FaultSize][number];

/** Something that can be killed and, where it does not come back by itself, is started as a supervisor would. */
export interface Killable {
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** Resolves when it says that it is ready. */
  comeBack(): Promise<void>;
}

export const killableOf = (cluster: Cluster, victim: Victim): Killable => {
  switch (victim) {
    case 'broker': {
      const { kafka } = cluster;
      if (kafka === undefined) throw new RangeError('there is no broker in this size');
      return { kill: () => kafka.kill(), comeBack: () => kafka.restart() };
    }
    case 'postgresql': {
      const { postgres } = cluster;
      // The product started it, so the product is its supervisor.
      if (postgres === undefined)
        return { kill: () => cluster.killEmbeddedPostgres(), comeBack: () => cluster.service('edge-gateway').ready() };
      return { kill: () => postgres.kill(), comeBack: () => postgres.restart() };
    }
    default: {
      const service = cluster.service(victim === 'process' ? 'edge-gateway' : victim);
      return {
        kill: () => service.kill(),
        comeBack: async () => {
          service.start();
          await service.ready();
        },
      };
    }
  }
};
