import type { Principal } from '@sallyport/contracts';

/** What an answer is good for: this principal, this tool as it was pinned, these parameters. Anything else is another question. */
export interface ApprovalBinding {
  readonly tenantId: string;
  readonly issuer: string;
  readonly subject: string;
  /** The agents acting, in order: the same agent behind another one is somebody else. */
  readonly actors: readonly string[];
  readonly toolId: string;
  readonly toolDigest: string;
  readonly paramsHash: string;
}

export const bindingOf = (
  { tenantId, issuer, subject, actors }: Pick<Principal, 'tenantId' | 'issuer' | 'subject' | 'actors'>,
  tool: Pick<ApprovalBinding, 'toolId' | 'toolDigest' | 'paramsHash'>,
): ApprovalBinding => ({ tenantId, issuer, subject, actors: [...actors], ...tool });

/** One text for one binding, and no other has it. Session, client, transport, replica and workflow are not in it: they change nothing. */
export const bindingText = ({ tenantId, issuer, subject, actors, toolId, toolDigest, paramsHash }: ApprovalBinding): string =>
  JSON.stringify([tenantId, issuer, subject, actors, toolId, toolDigest, paramsHash]);
