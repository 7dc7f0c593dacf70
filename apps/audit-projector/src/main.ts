import { getPriority, setPriority } from 'node:os';
import { auditProjectorPart } from '@sallyport/audit-projector';
import { runService } from '@sallyport/log';

/** Niceness: on a core that it shares with a service somebody waits for it gets a quarter of the time (ADR 0055). */
const GIVES_WAY = 5;

try {
  setPriority(Math.max(getPriority(), GIVES_WAY));
} catch {
  // A sandbox that does not allow it: then it is as urgent as the others.
}

await runService('audit-projector', (runtime) => auditProjectorPart(runtime));
