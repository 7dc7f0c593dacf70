import { randomInt } from 'node:crypto';
import { hash31, partitionName, type TopicPartition } from '../topic-layout.js';
import type { LogSession } from './log-session.js';

/** Advisory locks of two numbers are ours alone by their first: members are listed under one space, partitions locked under another. */
const memberSpace = (group: string): number => hash31(`sallyport member ${group}`);
const partitionSpace = (group: string): number => hash31(`sallyport partition ${group}`);

const MEMBERS = `SELECT objid::bigint AS member FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid::bigint = $1 ORDER BY 1`;

/**
 * One member of a consumer group. Members are known by locks that die with their session, so nobody keeps a list and nobody's clock
 * counts; each takes every n-th partition by its rank. Locks only spare double work: what makes it safe is the position.
 */
export class GroupMembership {
  private readonly id = randomInt(1, 0x7fffffff);
  private joined = false;
  readonly held = new Set<string>();

  constructor(
    private readonly session: LogSession,
    private readonly group: string,
    private readonly partitions: readonly TopicPartition[],
  ) {}

  /** The session is gone: nothing is held any more. */
  lose(): void {
    this.joined = false;
    this.held.clear();
  }

  /** What this member should hold now, or nothing known while the session is down. */
  async share(): Promise<TopicPartition[] | undefined> {
    if (!this.joined) {
      const took = await this.session.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS got', [
        memberSpace(this.group),
        this.id,
      ]);
      if (took?.rows[0]?.got !== true) return undefined;
      this.joined = true;
      await this.tellOthers();
    }
    const answer = await this.session.query<{ member: string }>(MEMBERS, [memberSpace(this.group)]);
    if (answer === undefined) return undefined;
    const rank = answer.rows.findIndex(({ member }) => Number(member) === this.id);
    if (rank < 0) return undefined;
    return this.partitions.filter((_, index) => index % answer.rows.length === rank);
  }

  /** Locks what can be locked of these, and returns it. */
  async lock(wanted: readonly TopicPartition[]): Promise<TopicPartition[]> {
    if (wanted.length === 0) return [];
    const answer = await this.session.query<{ n: number; got: boolean }>(
      'SELECT n, pg_try_advisory_lock($1, object) AS got FROM unnest($2::int[], $3::int[]) AS w(n, object)',
      [partitionSpace(this.group), wanted.map((_, n) => n), wanted.map((of) => hash31(partitionName(of)))],
    );
    if (answer === undefined) return [];
    const got = new Set(answer.rows.filter((row) => row.got).map((row) => row.n));
    const locked = wanted.filter((_, n) => got.has(n));
    for (const of of locked) this.held.add(partitionName(of));
    return locked;
  }

  async unlock(given: readonly TopicPartition[]): Promise<void> {
    const own = given.filter((of) => this.held.delete(partitionName(of)));
    if (own.length === 0) return;
    await this.session.query('SELECT pg_advisory_unlock($1, object) FROM unnest($2::int[]) AS object', [
      partitionSpace(this.group),
      own.map((of) => hash31(partitionName(of))),
    ]);
    await this.tellOthers();
  }

  async leave(): Promise<void> {
    const own = this.partitions.filter((of) => this.held.delete(partitionName(of)));
    if (!this.joined) return;
    this.joined = false;
    await this.session.query(
      `SELECT pg_advisory_unlock($1, $2), (SELECT count(pg_advisory_unlock($3, object)) FROM unnest($4::int[]) AS object)`,
      [memberSpace(this.group), this.id, partitionSpace(this.group), own.map((of) => hash31(partitionName(of)))],
    );
    await this.tellOthers();
  }

  private async tellOthers(): Promise<void> {
    await this.session.query(`SELECT pg_notify('sallyport_log', $1)`, [`members ${this.group}`]);
  }
}
