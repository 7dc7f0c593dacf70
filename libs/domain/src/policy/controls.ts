import type { ControlKind, Principal } from '@sallyport/contracts';

/** The kill switches and revocations of one tenant that are active now. */
export interface ControlsInForce {
  isActive(kind: ControlKind, value: string): boolean;
}

/** The value under which a stop of everything is kept. */
const ALL_VALUE = '*';

/** Which active control stops this principal at this server and tool; `null` when none does. The answer names the control for the record. */
export const stoppedBy = (
  controls: ControlsInForce,
  principal: Principal,
  at: { readonly server: string | null; readonly tool: string | null },
): string | null => {
  const isStopped = (kind: ControlKind, value: string | null | undefined): boolean =>
    value !== null && value !== undefined && controls.isActive(kind, value);
  if (isStopped('all', ALL_VALUE)) return 'control.all';
  if (isStopped('subject', principal.subject)) return 'control.subject';
  for (const actor of principal.actors) if (isStopped('agent', actor)) return 'control.agent';
  if (isStopped('token', principal.tokenId)) return 'control.token';
  if (isStopped('server', at.server)) return 'control.server';
  return isStopped('tool', at.tool) ? 'control.tool' : null;
};
