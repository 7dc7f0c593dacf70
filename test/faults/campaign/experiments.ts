import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_SERVICES, type Cluster, type ClusterService } from '@sallyport/testing';
import type { Campaign } from './campaign.ts';
import { previousProgramOf } from './previous-release.ts';
import type { FaultSize } from './victims.ts';

/** Where an experiment runs: calls of every kind flow all the time. */
export interface Stage {
  readonly cluster: Cluster;
  readonly campaign: Campaign;
  /** Names what happens from now on; calls are counted by what was on when they were sent. */
  begin(name: string): void;
  /** Waits until calls of every client go as if nothing had been; resolves to how long that took, and notes it. */
  goesOn(): Promise<void>;
}

/** A fault beyond the death of a process, and what is promised in it. */
export interface Experiment {
  readonly size: FaultSize;
  readonly promise: string;
  /** Before anything is started: what the cluster is started with. */
  prepare?(): ExperimentGround;
  run(stage: Stage, ground: ExperimentGround): Promise<void>;
}

export interface ExperimentGround {
  readonly kafka?: { readonly dataFolder: string };
  readonly programs?: Readonly<Partial<Record<ClusterService, string>>>;
  readonly prepare?: (folder: string) => () => Promise<void>;
  /** A file system that can be filled. */
  readonly disk?: SmallDisk;
  end?(): void;
}

const PAUSED_MS = 20_000;
/** Longer than a decision is waited for. */
const REFUSED_MS = 12_000;
const FULL_MS = 10_000;

/** A file system of its own in memory, of a size; needs root. */
class SmallDisk {
  readonly folder: string;

  constructor(folder: string, mebibytes: number) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=755`, 'tmpfs', folder]);
  }

  /** Takes all that is free, until `empty`. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.folder);
    try {
      writeFileSync(this.ballast, Buffer.alloc(bavail * bsize));
    } catch {
      // Somebody wrote meanwhile; what there was is taken.
    }
  }

  empty(): void {
    rmSync(this.ballast, { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.folder]);
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}

const refuses =
  (size: FaultSize, services: readonly ClusterService[]): Experiment['run'] =>
  async ({ cluster, begin, goesOn }) => {
    for (const service of services) {
      begin(size === 'embedded' ? 'every service refused' : `${service} refused`);
      const take = await cluster.refuseConnections(service);
      await delay(REFUSED_MS);
      await take();
      begin('taken again');
      await goesOn();
    }
  };

/** Everything that can be tried beside kills, by name. */
export const EXPERIMENTS: Readonly<Record<string, Experiment>> = {
  'broker-paused': {
    size: 'kafka',
    promise: 'calls are delayed, or refused with log.unavailable; nothing is lost, and all goes on once it wakes',
    run: async ({ cluster, begin, goesOn }) => {
      begin('paused for 20 s');
      cluster.kafka?.pause();
      await delay(PAUSED_MS);
      cluster.kafka?.resume();
      begin('awake');
      await goesOn();
    },
  },
  'postgresql-refuses': {
    size: 'kafka',
    promise: 'calls that need the service are refused within the time for a decision; the others go on',
    run: refuses('kafka', CLUSTER_SERVICES),
  },
  'embedded-postgresql-refuses': {
    size: 'embedded',
    promise: 'every call is refused, and none passes unrecorded',
    run: refuses('embedded', ['edge-gateway']),
  },
  'rolling-deploy': {
    size: 'kafka',
    promise: 'calls are delayed by as long as partitions take to move; none is lost, none is refused for it',
    run: async ({ cluster, campaign, begin, goesOn }) => {
      for (const service of CLUSTER_SERVICES) {
        const old = cluster.service(service);
        const next = await cluster.replica(service, 'next');
        begin(`${service}: the new one starts`);
        next.start();
        await next.ready();
        campaign.moveTo(service, next.url);
        begin(`${service}: the old one is told to stop`);
        await old.stop();
        await goesOn();
        begin(`${service}: and back`);
        old.start();
        await old.ready();
        campaign.moveTo(service, old.url);
        await next.stop();
        await goesOn();
      }
    },
  },
  'old-version': {
    size: 'kafka',
    promise:
      'an old version beside the new ones, and alone among them, decides, charges, asks and records as they do; no call is refused for it',
    run: async ({ cluster, campaign, begin, goesOn }) => {
      for (const service of CLUSTER_SERVICES) {
        const program = previousProgramOf(service);
        const current = cluster.service(service);
        const old = await cluster.replica(service, 'old', program);
        begin(`${service}: the old one comes beside the new one`);
        old.start();
        await old.ready();
        await goesOn();
        begin(`${service}: the old one alone`);
        campaign.moveTo(service, old.url);
        await current.stop();
        await goesOn();
        begin(`${service}: the new one again`);
        current.start();
        await current.ready();
        campaign.moveTo(service, current.url);
        await old.stop();
        await goesOn();
      }
    },
  },
  'broker-disk-full': {
    size: 'kafka',
    promise:
      'calls are refused with log.unavailable; nothing acknowledged is lost, and all goes on once there is room and the broker was started',
    prepare: () => {
      const disk = new SmallDisk(mkdtempSync(join(tmpdir(), 'sallyport-disk-')), 200);
      return { disk, kafka: { dataFolder: disk.folder }, end: () => disk.unmount() };
    },
    run: async ({ cluster, begin, goesOn }, { disk }) => {
      begin('the disk of the broker is full');
      disk?.fill();
      await delay(FULL_MS);
      disk?.empty();
      begin('there is room, and the broker is started');
      await cluster.kafka?.restart();
      await goesOn();
    },
  },
  'embedded-disk-full': {
    size: 'embedded',
    promise: 'calls are refused; nothing acknowledged is lost, and all goes on by itself once there is room',
    prepare: () => {
      const ground: { disk?: SmallDisk } & ExperimentGround = {
        prepare: (folder) => {
          const disk = new SmallDisk(join(folder, '.sallyport', 'postgres'), 300);
          Object.assign(ground, { disk });
          return async () => disk.unmount();
        },
      };
      return ground;
    },
    run: async ({ begin, goesOn }, { disk }) => {
      begin('the disk of PostgreSQL is full');
      disk?.fill();
      await delay(FULL_MS);
      disk?.empty();
      begin('there is room');
      await goesOn();
    },
  },
};
