import type { Principal } from '@sallyport/contracts';
import { APPROVAL_STATUS_TOOL } from '@sallyport/domain';
import type { JsonObject } from '@sallyport/mcp';
import type { ApprovalView, ToldApproval } from './approval-view.js';

/** The gateway's own tool as it is listed. */
export const APPROVAL_STATUS_DEFINITION: JsonObject = {
  name: APPROVAL_STATUS_TOOL,
  title: 'Approval status',
  description:
    'Tells what became of a call that waits for a person: pending, granted (send exactly the same call again, it is carried out once), rejected, expired or withdrawn.',
  inputSchema: {
    type: 'object',
    properties: { approvalId: { type: 'string', maxLength: 128, description: 'The id that the waiting call was answered with.' } },
    required: ['approvalId'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, openWorldHint: false },
};

const ADVICE: Readonly<Record<ToldApproval['status'], string>> = {
  pending: 'Nobody has answered yet. Do something else, or wait.',
  granted: 'A person agreed. Send exactly the same call again: it is carried out once.',
  rejected: 'A person said no. Do not send the call again.',
  expired: 'Nobody agreed in time, and silence is a no.',
  withdrawn: 'The question was taken back.',
};

/** Answers `approval_status`. What another principal asked is as unknown as what nobody asked. */
export const approvalStatusOf = (params: JsonObject, principal: Principal, view: Pick<ApprovalView, 'find'>): JsonObject => {
  const args = params.arguments;
  const approvalId = typeof args === 'object' && args !== null && 'approvalId' in args ? args.approvalId : undefined;
  const told = typeof approvalId === 'string' ? view.find(approvalId, principal) : null;
  if (told === null) return { content: [{ type: 'text', text: 'You asked nobody under this id, or too long ago.' }], isError: true };
  return {
    content: [{ type: 'text', text: `${told.status} until ${told.expiresAt}. ${ADVICE[told.status]}` }],
    structuredContent: { ...told },
  };
};
