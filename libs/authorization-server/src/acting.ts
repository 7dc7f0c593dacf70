import { type ArtifactStore, ArtifactsAdapter } from './artifacts.adapter.js';

/** Remembers as which agent a client acts under a grant, for as long as the grant. Throws `store.unavailable`. */
export class ActingStore {
  private readonly rows: ArtifactsAdapter;

  constructor(store: ArtifactStore) {
    this.rows = new ArtifactsAdapter('Acting', store);
  }

  async remember(grantId: string, agent: string, ttlSeconds: number): Promise<void> {
    await this.rows.upsert(grantId, { grantId, extra: { agent } }, ttlSeconds);
  }

  /** `null`: the client acts as the person itself. */
  async agentOf(grantId: string): Promise<string | null> {
    const agent = (await this.rows.find(grantId))?.extra?.agent;
    return typeof agent === 'string' ? agent : null;
  }
}
