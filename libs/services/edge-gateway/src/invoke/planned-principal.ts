import { AppError, type PlanChoices, type Principal } from '@sallyport/contracts';
import { type IdentityDirectory, scopeShares } from '@sallyport/domain';

const AGENTS_MAX = 200;

/**
 * Whom a plan is about: whoever asks, with the agent that they name, and with every scope that the two have together; a plan says what the best
 * token there is would lead to. An agent that asks for itself plans as it would call.
 * Throws `request.invalid` for an agent that names another, and `identity.forbidden` for an agent that was not granted to this person.
 */
export const plannedPrincipal = (asking: Principal, agent: string | null, directory: IdentityDirectory): Principal => {
  if (asking.actors.length > 0) {
    if (agent === null || agent === asking.actors[0]) return asking;
    throw new AppError('request.invalid', 'an agent plans for itself alone', {
      detail: { faults: ['agent: is not the agent of the token'] },
    });
  }
  const planned = { ...asking, actors: agent === null ? [] : [agent] };
  const { ofActors, inForce } = scopeShares(planned, directory);
  if (ofActors.some(({ ceiling, delegated }) => ceiling.length === 0 || delegated.length === 0))
    throw new AppError('identity.forbidden', `${agent} was not granted to ${asking.subject}`);
  return { ...planned, scopes: [...inForce] };
};

/** Through which agents somebody may plan, with what the two may do together; at most 200. */
export const planChoicesOf = ({ subject, ...asking }: Principal, directory: IdentityDirectory): PlanChoices => {
  if (asking.actors.length > 0) return { subject, agents: [] };
  const agents = directory.agents.flatMap(({ id }) => {
    const { ofActors, inForce } = scopeShares({ ...asking, subject, actors: [id] }, directory);
    return ofActors.every(({ ceiling, delegated }) => ceiling.length > 0 && delegated.length > 0)
      ? [{ agent: id, scopes: [...inForce] }]
      : [];
  });
  return { subject, agents: agents.toSorted((left, right) => (left.agent < right.agent ? -1 : 1)).slice(0, AGENTS_MAX) };
};
