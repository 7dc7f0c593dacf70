import { type AccessCell, type AccessNames, type AccessPage, type AccessPair, type AccessQuery, AppError } from '@sallyport/contracts';
import { accessOf, scopeShares } from '@sallyport/domain';
import { z } from 'zod';
import type { TenantState } from '../state/tenant-state.js';

/** Asks for a subject for whom nobody acts. */
const NOBODY = 'none';
const EVERYBODY = '*';
const NAMES_MAX = 1_000;
/** Cells between which decisions have their turn. */
const CELLS_AT_ONCE = 5;

interface Person {
  readonly subject: string;
  readonly issuer: string | null;
}

/** A place in the order of cells. */
const Place = z.tuple([z.string(), z.string(), z.string(), z.string()]);
type Place = z.infer<typeof Place>;

const placeOf = ({ subject, issuer }: Person, agent: string | null, tool: string): Place => [subject, issuer ?? '', agent ?? '', tool];

const compare = (left: Place, right: Place): number => {
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? 0 : (left[at] ?? '') < (right[at] ?? '') ? -1 : 1;
};

const encode = (place: Place): string => Buffer.from(JSON.stringify(place)).toString('base64url');

const decode = (cursor: string | undefined): Place | null => {
  if (cursor === undefined) return null;
  try {
    return Place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new AppError('request.invalid', 'no cursor of ours', { cause, detail: { faults: ['cursor: is none of ours'] } });
  }
};

const sortedNames = (names: readonly string[]): string[] => [...new Set(names)].sort();

const peopleOf = ({ identity }: TenantState): Person[] =>
  identity.users
    .map(({ id, issuer }): Person => ({ subject: id, issuer: issuer ?? null }))
    .sort((left, right) => compare([left.subject, left.issuer ?? '', '', ''], [right.subject, right.issuer ?? '', '', '']));

/** Whom the configuration names. */
export const namesIn = (state: TenantState): AccessNames => ({
  subjects: peopleOf(state).slice(0, NAMES_MAX),
  agents: sortedNames(state.identity.agents.map(({ id }) => id)).slice(0, NAMES_MAX),
});

/** Somebody by name; where the configuration does not name them they are as everybody else. */
const peopleAsked = (state: TenantState, subject: string | undefined): Person[] => {
  const people = peopleOf(state);
  if (subject === undefined) return people;
  const named = people.filter((person) => person.subject === subject);
  return named.length > 0 ? named : [{ subject, issuer: null }];
};

const agentsAsked = (state: TenantState, agent: string | undefined): (string | null)[] => {
  if (agent !== undefined) return [agent === NOBODY ? null : agent];
  return [null, ...sortedNames(state.identity.agents.map(({ id }) => id))];
};

/** The principal with the best token that somebody could have: it carries whatever they may. */
const principalOf = (tenantId: string, { subject, issuer }: Person, agent: string | null, scopes: readonly string[]) => ({
  // An entry for everybody is asked about as somebody who has no name.
  subject: subject === EVERYBODY ? 'user:*' : subject,
  actors: agent === null ? [] : [agent],
  ...{ tenantId, issuer: issuer ?? '', scopes: [...scopes], mode: '', clientId: null, environment: '', tokenSource: issuer ?? '' },
  workflow: null,
});

const pairOf = (tenantId: string, state: TenantState, person: Person, agent: string | null): AccessPair => {
  const { ofSubject, ofActors, inForce } = scopeShares(principalOf(tenantId, person, agent, []), state.identity);
  const [share] = ofActors;
  return {
    ...person,
    agent,
    ofSubject: [...ofSubject],
    ofAgent: share === undefined ? null : [...share.ceiling],
    delegated: share === undefined ? null : [...share.delegated],
    inForce: [...inForce],
  };
};

/** Which of the cells asked for come next, in their order. */
function* cellsAfter(state: TenantState, { subject, agent, tool }: AccessQuery, after: Place | null) {
  const wanted = tool === undefined ? state.tools(null).map(({ id }) => id) : [tool];
  const last = wanted.at(-1) ?? '';
  for (const person of peopleAsked(state, subject))
    for (const actor of agentsAsked(state, agent)) {
      if (after !== null && compare(placeOf(person, actor, last), after) <= 0) continue;
      for (const id of wanted) if (after === null || compare(placeOf(person, actor, id), after) > 0) yield { person, actor, id };
    }
}

/**
 * Who may call what: by person, agent and tool, decided by the function that decides calls, with everything unknown taken for the worse and for the
 * better. Throws `request.invalid` for a cursor that was not given out.
 */
export const whoMay = async (tenantId: string, state: TenantState, epoch: number, query: AccessQuery): Promise<AccessPage> => {
  const cells: AccessCell[] = [];
  const pairs = new Map<string, AccessPair>();
  let nextCursor: string | null = null;
  for (const { person, actor, id } of cellsAfter(state, query, decode(query.cursor))) {
    const last = cells.at(-1);
    if (last !== undefined && cells.length === query.limit) {
      nextCursor = encode(placeOf(last, last.agent, last.tool));
      break;
    }
    const name = JSON.stringify([person, actor]);
    const pair = pairs.get(name) ?? pairOf(tenantId, state, person, actor);
    pairs.set(name, pair);
    cells.push(cellOf(tenantId, state, pair, id));
    if (cells.length % CELLS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { policySetHash: state.policies.hash, epoch, cells, pairs: [...pairs.values()], nextCursor };
};

const cellOf = (tenantId: string, state: TenantState, pair: AccessPair, tool: string): AccessCell => {
  const { subject, issuer, agent } = pair;
  const at = tool.indexOf('/');
  const principal = principalOf(tenantId, pair, agent, pair.inForce);
  const access = accessOf({ principal, server: tool.slice(0, at), name: tool.slice(at + 1) }, state, state.bounds);
  return {
    ...{ subject, issuer, agent, tool, answer: access.answer, code: access.code },
    policyIds: [...access.policyIds],
    reasons: [...access.reasons],
    dependsOn: [...access.dependsOn],
    obligations: [...access.obligations],
  };
};
