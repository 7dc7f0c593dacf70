import type { AnswerRefusal, ApprovalDetail, ApprovalSummary } from '@sallyport/contracts';

/** Why somebody may not answer, in words of this page. */
export const refusalText = (
  refusal: AnswerRefusal,
  { status, votes }: Pick<ApprovalDetail, 'status' | 'votes'>,
  viewer: string,
): string => {
  switch (refusal) {
    case 'approval.self-approval':
      return 'You may not answer: the call is made for you, or by an agent that acts for it. Somebody else must.';
    case 'identity.forbidden':
      return 'You may not answer: no rule of this request names you.';
    case 'approval.already-answered':
      return status === 'pending' && votes.some(({ by }) => by === viewer) ? 'You have agreed. Others must as well.' : 'It is answered.';
    case 'approval.expired':
      return 'The time to answer is over.';
    case 'approval.changed':
    case 'approval.mismatch':
      return 'It has changed since you looked.';
    case 'request.not-found':
      return 'It is not there any more.';
  }
};

/** The chain from the person to the agent that makes the call. */
export const chainOf = ({ subject, actors }: Pick<ApprovalSummary, 'subject' | 'actors'>): string[] => [subject, ...actors.toReversed()];

/** Two requests as people tell them apart: what was decided, and by how many. */
export const standingOf = ({ status, votes }: Pick<ApprovalDetail, 'status' | 'votes'>): string => `${status} ${votes.length}`;
