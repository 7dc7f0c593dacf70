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
  const candidates: [ControlKind, string | null | undefined][] = [
    ['all', ALL_VALUE],
    ['subject', principal.subject],
    ...principal.actors.map((actor): [ControlKind, string] => ['agent', actor]),
    ['token', principal.tokenId],
    ['server', at.server],
    ['tool', at.tool],
  ];
  for (const [kind, value] of candidates) {
    if (value !== null && value !== undefined && controls.isActive(kind, value)) return `control.${kind}`;
  }
  return null;
};
