/** Lets one loop sleep until there is work, for a while, or until it is closed. */
export class Wakeable {
  private awake = false;
  private closed = false;
  private resume: (() => void) | undefined;
  private enough: (() => boolean) | undefined;

  /** Ends a `wait`, and a `pause` that has gathered enough. */
  wake(): void {
    this.awake = true;
    if (this.resume !== undefined && (this.enough === undefined || this.enough())) this.resume();
  }

  close(): void {
    this.closed = true;
    this.enough = undefined;
    this.resume?.();
  }

  /** Resolves at the first `wake()` since the last `wait`, or once closed. */
  async wait(): Promise<void> {
    if (!this.awake && !this.closed) await this.suspended();
    this.awake = false;
  }

  /** Resolves after `ms`, or when a `wake()` finds that there is enough. */
  async pause(ms: number, enough: () => boolean): Promise<void> {
    if (this.closed) return;
    this.enough = enough;
    const timer = setTimeout(() => this.resume?.(), ms);
    await this.suspended();
    clearTimeout(timer);
    this.enough = undefined;
  }

  /** Resolves after `ms`, sooner only when closed. */
  sleep(ms: number): Promise<void> {
    return this.pause(ms, () => false);
  }

  private async suspended(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.resume = resolve;
    });
    this.resume = undefined;
  }
}
