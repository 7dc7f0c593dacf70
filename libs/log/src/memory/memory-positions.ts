import { AppError } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import type { PoisonedRecord, PositionMove, PositionStore } from '../consumption/position-store.port.js';
import { partitionName, type TopicPartition } from '../topic-layout.js';

/** Positions in memory, for unit tests: fenced like the real ones, but a move is not undone when the work around it fails. */
export class MemoryPositions implements PositionStore {
  private readonly positions = new Map<string, bigint>();
  private readonly chains = new Map<string, PoisonedRecord>();

  async load(group: string, partitions: readonly (TopicPartition & { readonly initial: bigint })[]): Promise<Map<string, bigint>> {
    return new Map(
      partitions.map((of) => {
        const name = `${group} ${partitionName(of)}`;
        const position = this.positions.get(name) ?? of.initial;
        this.positions.set(name, position);
        return [partitionName(of), position];
      }),
    );
  }

  async advance(_tx: Sql, group: string, moves: readonly PositionMove[]): Promise<void> {
    const names = moves.map((of) => `${group} ${partitionName(of)}`);
    const lost = moves.filter((move, n) => this.positions.get(names[n] ?? '') !== move.expected);
    if (lost.length > 0) throw new AppError('log.position-lost', `group ${group}: ${lost.length} positions moved elsewhere`);
    moves.forEach((move, n) => {
      this.positions.set(names[n] ?? '', move.next);
    });
  }

  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return work({ query: async () => ({ rows: [], rowCount: 0 }) });
  }

  async poisoned(group: string, keys?: readonly string[]): Promise<Set<string>> {
    const all = [...this.chains.keys()].filter((name) => name.startsWith(`${group} `)).map((name) => name.slice(group.length + 1));
    return new Set(keys === undefined ? all : all.filter((key) => keys.includes(key)));
  }

  async poison(_tx: Sql, group: string, record: PoisonedRecord): Promise<void> {
    this.chains.set(`${group} ${record.key}`, record);
  }

  /** The twin of `resolvePoisonedChain`. */
  resolve(group: string, key: string): boolean {
    return this.chains.delete(`${group} ${key}`);
  }
}
