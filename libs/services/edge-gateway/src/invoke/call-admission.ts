/** Caps what one tenant may have in flight on this instance: tenants share the log's partitions and the gateway's sockets. */
export class CallAdmission {
  private readonly inFlight = new Map<string, number>();

  constructor(private readonly max: { readonly calls: number; readonly streams: number }) {}

  /** `false` when the tenant is saturated; otherwise `leave` must be called once. */
  enter(tenantId: string, isStream: boolean): boolean {
    const key = keyOf(tenantId, isStream);
    const count = this.inFlight.get(key) ?? 0;
    if (count >= (isStream ? this.max.streams : this.max.calls)) return false;
    this.inFlight.set(key, count + 1);
    return true;
  }

  leave(tenantId: string, isStream: boolean): void {
    const key = keyOf(tenantId, isStream);
    const count = (this.inFlight.get(key) ?? 1) - 1;
    if (count <= 0) this.inFlight.delete(key);
    else this.inFlight.set(key, count);
  }

  get total(): number {
    let total = 0;
    for (const count of this.inFlight.values()) total += count;
    return total;
  }
}

const keyOf = (tenantId: string, isStream: boolean): string => `${isStream ? 'stream' : 'call'}:${tenantId}`;
