import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../json/json-types.js';
import type { MessageStream } from './http-exchange.js';

/** One legacy client of a child: what it can do, what it listens to. */
export class HostSession {
  readonly id = randomUUID();
  readonly subscriptions = new Set<string>();
  private readonly streams = new Set<MessageStream>();

  constructor(readonly capabilities: JsonObject) {}

  attach(stream: MessageStream): void {
    this.streams.add(stream);
    stream.open();
  }

  detach(stream: MessageStream): void {
    this.streams.delete(stream);
  }

  /** Sends on one open stream only (2025-11-25, multiple connections); false when none is open. */
  push(message: JsonObject): boolean {
    for (const stream of this.streams) {
      if (!stream.isOpen) continue;
      stream.send(message);
      return true;
    }
    return false;
  }

  end(): void {
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }
}

/** The sessions of one child. The one that was used longest ago makes room when there are too many. */
export class HostSessions {
  private readonly byId = new Map<string, HostSession>();

  constructor(private readonly max: number) {}

  open(capabilities: JsonObject): HostSession {
    const oldest = this.byId.values().next().value;
    if (this.byId.size >= this.max && oldest !== undefined) this.end(oldest.id);
    const session = new HostSession(capabilities);
    this.byId.set(session.id, session);
    return session;
  }

  get(id: string): HostSession | null {
    const session = this.byId.get(id);
    if (session === undefined) return null;
    this.byId.delete(id);
    this.byId.set(id, session);
    return session;
  }

  end(id: string): HostSession | null {
    const session = this.byId.get(id) ?? null;
    session?.end();
    this.byId.delete(id);
    return session;
  }

  all(): Iterable<HostSession> {
    return this.byId.values();
  }
}
