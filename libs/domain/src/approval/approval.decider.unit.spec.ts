import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ApprovalCommand,
  type ApprovalFact,
  type ApprovalRule,
  type ApprovalState,
  bindingOf,
  bindingText,
  decideApproval,
  demandsOf,
  evolveApproval,
  initialApproval,
  isSelf,
  refusalOf,
  sameDemands,
} from './index.js';

const BINDING = bindingOf(
  { tenantId: 'acme', issuer: 'https://login.example', subject: 'user:ada', actors: ['agent:triage', 'agent:planner'] },
  { toolId: 'crm/delete', toolDigest: 'sha256:1', paramsHash: 'hash-1' },
);
const rule = (override: Partial<ApprovalRule> = {}): ApprovalRule => ({
  ...{ id: 'people', approvers: ['*'], quorum: 1, waitSeconds: 60, grantSeconds: 30, detach: false },
  ...override,
});
const questionOf = (...rules: readonly ApprovalRule[]) => {
  const demands = demandsOf(
    rules.map(({ id }) => id),
    rules,
  );
  if (demands === null) throw new TypeError('undeclared');
  return { binding: BINDING, demands };
};

const fold = (facts: readonly ApprovalFact[]): ApprovalState => facts.reduce(evolveApproval, initialApproval);
const run = (commands: readonly ApprovalCommand[], from: ApprovalState = initialApproval): ApprovalState =>
  commands.reduce<ApprovalState>((state, command) => decideApproval(command, state).reduce(evolveApproval, state), from);
const given = (...commands: readonly ApprovalCommand[]) => ({
  when: (command: ApprovalCommand) => {
    const state = run(commands);
    const facts = decideApproval(command, state);
    const answer = command.type === 'Grant' || command.type === 'Reject' ? refusalOf(command, state) : null;
    return {
      leadsTo: (...expected: readonly Partial<ApprovalFact>[]) => {
        expect(facts).toMatchObject(expected);
        expect(answer).toBeNull();
      },
      nothingHappens: () => expect(facts).toEqual([]),
      isRefused: (code: string) => {
        expect(facts).toEqual([]);
        expect(answer).toBe(code);
      },
    };
  },
});

const ask = (callId = 'call-1', nowMs = 0, question = questionOf(rule())): ApprovalCommand => ({ type: 'Ask', question, callId, nowMs });
const person = (subject: string, actors: readonly string[] = []) => ({ subject, actors });
const grant = (subject = 'user:grace', nowMs = 1, actors: readonly string[] = []): ApprovalCommand => ({
  ...{ type: 'Grant', answerer: person(subject, actors), channel: 'cli', nowMs },
});
const reject = (subject = 'user:grace', nowMs = 1): ApprovalCommand => ({
  ...{ type: 'Reject', answerer: person(subject), channel: 'cli', nowMs, why: 'not today' },
});
const end = (callId: string, how: 'dispatched' | 'hung-up' | 'awaiting-resend' | 'ended', nowMs = 2): ApprovalCommand => ({
  ...{ type: 'EndCall', callId, how, nowMs },
});

describe('asking', () => {
  test('asks once for one binding; a call sent again waits for the same answer', () => {
    given().when(ask()).leadsTo({ type: 'Asked', callId: 'call-1', expiresAtMs: 60_000 });
    given(ask()).when(ask('call-2')).leadsTo({ type: 'CallJoined', callId: 'call-2' });
    given(ask()).when(ask('call-1')).leadsTo({ type: 'CallJoined', callId: 'call-1' });
    given(ask(), grant()).when(ask('call-1')).leadsTo({ type: 'GrantHandedOut', callId: 'call-1' });
    expect(run([ask(), ask('call-1')])).toEqual(run([ask()]));
  });

  test('answers a call that comes later from the unused grant, until it lapses', () => {
    given(ask(), grant()).when(ask('call-2', 30_000)).leadsTo({ type: 'GrantHandedOut', callId: 'call-2' });
    given(ask(), grant()).when(ask('call-2', 30_001)).nothingHappens();
    given(ask(), grant(), end('call-1', 'dispatched')).when(ask('call-2')).nothingHappens();
  });

  test('binds to principal, order of agents, tool, definition and parameters, and to nothing else', () => {
    const tool = { toolId: 'crm/delete', toolDigest: 'sha256:1', paramsHash: 'hash-1' };
    const other = (override: Partial<typeof BINDING>) => bindingText({ ...BINDING, ...override });
    const texts = [
      bindingText(BINDING),
      other({ tenantId: 'globex' }),
      other({ issuer: 'https://other.example' }),
      other({ subject: 'user:eve' }),
      other({ actors: ['agent:planner', 'agent:triage'] }),
      other({ actors: ['agent:triage'] }),
      other({ toolId: 'crm/find' }),
      other({ toolDigest: 'sha256:2' }),
      other({ paramsHash: 'hash-2' }),
    ];
    expect(new Set(texts).size).toBe(texts.length);
    expect(bindingText(bindingOf({ ...BINDING, actors: [...BINDING.actors] }, tool))).toBe(texts[0]);
  });
});

describe('answering', () => {
  test('grants with enough people, counting nobody twice', () => {
    given(ask()).when(grant()).leadsTo({ type: 'VoteCast', by: 'user:grace' }, { type: 'Granted', expiresAtMs: 30_001 });
    const two = ask('call-1', 0, questionOf(rule({ quorum: 2 })));
    given(two).when(grant()).leadsTo({ type: 'VoteCast' });
    given(two, grant()).when(grant()).isRefused('approval.already-answered');
    given(two, grant()).when(grant('user:olga')).leadsTo({ type: 'VoteCast' }, { type: 'Granted' });
  });

  test('satisfies every rule, each with its own people', () => {
    const both = ask(
      'call-1',
      0,
      questionOf(rule({ id: 'finance', approvers: ['user:fin'] }), rule({ id: 'owner', approvers: ['user:own'] })),
    );
    given(both).when(grant('user:fin')).leadsTo({ type: 'VoteCast' });
    given(both, grant('user:fin')).when(grant('user:own')).leadsTo({ type: 'VoteCast' }, { type: 'Granted' });
    given(both).when(grant('user:grace')).isRefused('identity.forbidden');
  });

  test('never lets the person or an agent of the call answer, under whatever kind of name', () => {
    for (const self of ['user:ada', 'service:ada', 'agent:triage', 'user:triage', 'service:planner']) {
      given(ask()).when(grant(self)).isRefused('approval.self-approval');
      given(ask()).when(reject(self)).isRefused('approval.self-approval');
    }
    given(ask())
      .when(grant('user:grace', 1, ['agent:triage']))
      .isRefused('approval.self-approval');
    const named = ask('call-1', 0, questionOf(rule({ approvers: ['user:ada'] })));
    given(named).when(grant('user:ada')).isRefused('approval.self-approval');
  });

  test('lets people answer and no program for them', () => {
    given(ask()).when(grant('service:batch')).isRefused('identity.forbidden');
    given(ask())
      .when(grant('user:grace', 1, ['agent:helper']))
      .isRefused('identity.forbidden');
  });

  test('refuses an answer that comes late or second, and one to something else than what was looked at', () => {
    given(ask()).when(grant('user:grace', 60_000)).isRefused('approval.expired');
    given(ask(), { type: 'Expire', nowMs: 60_000 }).when(grant('user:grace', 60_001)).isRefused('approval.expired');
    given(ask(), grant()).when(reject('user:olga')).isRefused('approval.already-answered');
    given(ask(), reject()).when(grant('user:olga')).isRefused('approval.already-answered');
    const seeing = (seen: { paramsHash?: string; toolDigest?: string }): ApprovalCommand => ({
      ...{ type: 'Grant', answerer: person('user:grace'), channel: 'cli', nowMs: 1, seen },
    });
    given(ask())
      .when(seeing({ paramsHash: 'hash-2' }))
      .isRefused('approval.mismatch');
    given(ask())
      .when(seeing({ toolDigest: 'sha256:2' }))
      .isRefused('approval.mismatch');
    given(ask())
      .when(seeing({ paramsHash: 'hash-1', toolDigest: 'sha256:1' }))
      .leadsTo({ type: 'VoteCast' }, { type: 'Granted' });
    given().when(grant()).isRefused('request.not-found');
  });

  test('refuses an answer by somebody who did not see that another agreed meanwhile, for it may be the last that is needed', () => {
    const two = ask('call-1', 0, questionOf(rule({ quorum: 2 })));
    const seeing = (type: 'Grant' | 'Reject', answers: number): ApprovalCommand => {
      const answer = { answerer: person('user:grace'), channel: 'cli', nowMs: 1, seen: { answers } };
      return type === 'Grant' ? { type, ...answer } : { type, why: 'no', ...answer };
    };
    given(two, grant('user:olga')).when(seeing('Grant', 0)).isRefused('approval.changed');
    given(two, grant('user:olga')).when(seeing('Reject', 0)).isRefused('approval.changed');
    given(two, grant('user:olga')).when(seeing('Grant', 1)).leadsTo({ type: 'VoteCast' }, { type: 'Granted' });
    given(two).when(seeing('Grant', 1)).isRefused('approval.changed');
  });

  test('lets one no end it, even after another person agreed', () => {
    const two = ask('call-1', 0, questionOf(rule({ quorum: 2 })));
    given(two, grant('user:olga')).when(reject()).leadsTo({ type: 'Rejected', by: 'user:grace', why: 'not today' });
  });
});

describe('ending', () => {
  test('expires by the clock alone, and a grant is not expired by it', () => {
    given(ask()).when({ type: 'Expire', nowMs: 59_999 }).nothingHappens();
    given(ask()).when({ type: 'Expire', nowMs: 60_000 }).leadsTo({ type: 'Expired' });
    given(ask(), grant()).when({ type: 'Expire', nowMs: 99_999 }).nothingHappens();
  });

  test('is withdrawn with the last call that waits, and not with the first', () => {
    given(ask()).when(end('call-1', 'hung-up')).leadsTo({ type: 'CallLeft' }, { type: 'Withdrawn', reason: 'client-gone' });
    given(ask(), ask('call-2')).when(end('call-1', 'hung-up')).leadsTo({ type: 'CallLeft' });
    given(ask()).when(end('call-9', 'hung-up')).nothingHappens();
  });

  test('stays open for a client that was told to come again, for one that may detach, and once granted', () => {
    given(ask()).when(end('call-1', 'awaiting-resend')).leadsTo({ type: 'CallLeft', promised: true });
    given(ask(), ask('call-2'), end('call-1', 'awaiting-resend')).when(end('call-2', 'hung-up')).leadsTo({ type: 'CallLeft' });
    given(ask(), end('call-1', 'awaiting-resend'), ask('call-2'))
      .when(end('call-2', 'hung-up'))
      .leadsTo({ type: 'CallLeft' }, { type: 'Withdrawn' });
    given(ask('call-1', 0, questionOf(rule({ detach: true }))))
      .when(end('call-1', 'hung-up'))
      .leadsTo({ type: 'CallLeft' });
    given(ask(), grant()).when(end('call-1', 'ended')).leadsTo({ type: 'CallLeft' });
  });

  test('uses a grant with the first call that is dispatched', () => {
    given(ask(), ask('call-2'), grant()).when(end('call-2', 'dispatched')).leadsTo({ type: 'GrantUsed', callId: 'call-2' });
    given(ask(), ask('call-2'), grant(), end('call-2', 'dispatched')).when(end('call-1', 'dispatched')).nothingHappens();
  });
});

describe('rules', () => {
  test('are found by id, then by *, and what nobody declared is no', () => {
    const rules = [rule({ id: 'finance', quorum: 2, waitSeconds: 10 }), rule({ id: '*', waitSeconds: 20, detach: true })];
    expect(demandsOf(['finance', 'other'], rules)).toEqual({
      rules: [
        { ruleId: 'finance', approvers: ['*'], quorum: 2 },
        { ruleId: 'other', approvers: ['*'], quorum: 1 },
      ],
      waitMs: 10_000,
      grantMs: 30_000,
      detach: false,
    });
    expect(demandsOf(['other'], [rule()])).toBeNull();
    expect(demandsOf([], rules)).toMatchObject({ rules: [{ ruleId: '*' }] });
  });

  test('that changed ask another question', () => {
    const of = (override: Partial<ApprovalRule>) => questionOf(rule(override)).demands;
    expect(sameDemands(of({ approvers: ['user:a', 'user:b'] }), of({ approvers: ['user:b', 'user:a'] }))).toBe(true);
    for (const change of [{ quorum: 2 }, { approvers: ['user:a'] }, { waitSeconds: 1 }, { grantSeconds: 1 }, { detach: true }, { id: 'x' }])
      expect(sameDemands(of({}), of(change))).toBe(false);
  });
});

describe('whatever happens', () => {
  const names = ['user:ada', 'user:grace', 'user:olga', 'service:ada', 'agent:triage', 'user:triage', 'service:batch', 'user:planner'];
  const nowMs = fc.integer({ min: 0, max: 100_000 });
  const callId = fc.constantFrom('call-1', 'call-2', 'call-3');
  const answerer = fc.record({
    subject: fc.constantFrom(...names),
    actors: fc.subarray(['agent:triage', 'agent:helper'], { maxLength: 1 }),
  });
  const command = (quorum: number, detach: boolean): fc.Arbitrary<ApprovalCommand> =>
    fc.oneof(
      fc.record({ type: fc.constant('Ask' as const), question: fc.constant(questionOf(rule({ quorum, detach }))), callId, nowMs }),
      fc.record({ type: fc.constant('Grant' as const), answerer, channel: fc.constant('cli'), nowMs }),
      fc.record({ type: fc.constant('Reject' as const), answerer, channel: fc.constant('cli'), nowMs, why: fc.constant('no') }),
      fc.record({
        type: fc.constant('EndCall' as const),
        callId,
        how: fc.constantFrom('dispatched' as const, 'hung-up' as const, 'awaiting-resend' as const, 'ended' as const),
        nowMs,
      }),
      fc.record({ type: fc.constant('Expire' as const), nowMs }),
      fc.record({ type: fc.constant('Withdraw' as const), reason: fc.constant('rules-changed'), nowMs }),
    );
  const CLOSED = ['used', 'rejected', 'expired', 'withdrawn'];

  test('a closed request stays closed, a grant is used once, and nobody of the principal ever agrees', () => {
    fc.assert(
      fc.property(
        fc
          .record({ quorum: fc.integer({ min: 1, max: 2 }), detach: fc.boolean() })
          .chain(({ quorum, detach }) =>
            fc.record({ quorum: fc.constant(quorum), commands: fc.array(command(quorum, detach), { maxLength: 40 }) }),
          ),
        ({ quorum, commands }) => {
          let state: ApprovalState = initialApproval;
          const history: ApprovalFact[] = [];
          for (const one of commands) {
            const facts = decideApproval(one, state);
            if (CLOSED.includes(state.status)) expect(facts).toEqual([]);
            if (one.type === 'Grant' || one.type === 'Reject') expect(facts.length > 0).toBe(refusalOf(one, state) === null);
            for (const fact of facts) {
              if (fact.type === 'VoteCast' || fact.type === 'Rejected') {
                expect(isSelf({ subject: fact.by, actors: [] }, BINDING)).toBe(false);
                expect(fact.by).toMatch(/^user:/);
              }
              if (fact.type === 'Granted') {
                const votes = state.status === 'pending' ? state.votes.map(({ by }) => by) : [];
                expect(new Set(votes).size).toBeGreaterThanOrEqual(quorum);
              }
              state = evolveApproval(state, fact);
            }
            history.push(...facts);
          }
          const count = (type: ApprovalFact['type']) => history.filter((fact) => fact.type === type).length;
          expect(count('GrantUsed')).toBeLessThanOrEqual(count('Granted'));
          for (const once of ['Asked', 'Granted', 'GrantUsed', 'Rejected', 'Expired', 'Withdrawn'] as const)
            expect(count(once)).toBeLessThanOrEqual(1);
          expect(fold(history)).toEqual(state);
        },
      ),
      { numRuns: 2_000, verbose: 1 },
    );
  });
});
