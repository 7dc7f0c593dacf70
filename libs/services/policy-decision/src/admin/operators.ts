import { AppError, type Principal } from '@sallyport/contracts';
import { scopesInForce } from '@sallyport/domain';
import type { ControlPlane } from '../state/control-plane.js';
import type { TenantState } from '../state/tenant-state.js';
import type { Authenticator } from './authenticator.port.js';

/** Changes control state. */
export const OPERATE_SCOPE = 'sallyport:operate';
/** Reads control state. */
export const AUDIT_SCOPE = 'sallyport:audit';

/** An operator of one tenant, and that tenant's state as it is now. */
export interface Operator {
  readonly principal: Principal;
  readonly tenantId: string;
  readonly state: TenantState;
  /** Who is put on record: the person, and the agent where one acts. */
  readonly by: string;
}

/** Lets operators in: by token, and with the scopes that user and agents have in their own tenant. */
export class Operators {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly controlPlane: ControlPlane,
  ) {}

  /** Throws `identity.token-missing`, `identity.token-invalid` or `identity.forbidden`. */
  async admit(authorization: string | undefined, need: 'read' | 'change'): Promise<Operator> {
    const principal = await this.authenticator.authenticate(authorization);
    await this.controlPlane.refresh();
    const state = this.controlPlane.stateOf(principal.tenantId);
    if (state === null) throw new AppError('identity.forbidden', `tenant ${principal.tenantId} is not declared`);
    const { effective } = scopesInForce(principal, state.identity);
    const enough = effective.includes(OPERATE_SCOPE) || (need === 'read' && effective.includes(AUDIT_SCOPE));
    if (!enough) throw new AppError('identity.forbidden', `${principal.subject} lacks the scope to ${need}`);
    return { principal, tenantId: principal.tenantId, state, by: principal.subject };
  }
}
