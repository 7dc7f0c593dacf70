import { expect, test } from 'vitest';
import { askByRest, carriedOut } from './asking.js';
import { APPROVE } from './desk.js';
import { ADA, anAccount, type Surroundings } from './surroundings.js';

/** Of the shape a provider issues, put together here so that no scanner of this repository takes it for one. */
const SECRET = ['AKIA', 'Q3EGRZ7XNV', '5TLW2M'].join('');
const PERSON = 'margarethe.oberlaender@posteo.example.net';

/** People who answer: what they see, who may, and what their answer is worth. */
export const approvers = (surroundings: () => Surroundings): void => {
  test.concurrent('an approver sees from the command line what will be sent, agrees there, and the record tells it', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 51 };
    const told = await askByRest(surroundings(), args);
    const approvalId = told.approvalId ?? '';
    const listed = await desk.cli('approval', ['approval', 'list']);
    expect(listed.stdout).toContain(`${approvalId} pending user:ada via agent:writer asks for story/transfer (write-high) 0/1`);
    const shown = await desk.cli('approval', ['approval', 'show', approvalId]);
    expect(shown.stdout).toContain(JSON.stringify({ name: 'transfer', arguments: args }));
    expect(shown.stdout).toContain(told.callId);
    const granted = await desk.cli('approval', ['approval', 'grant', approvalId]);
    expect(granted).toMatchObject({ code: 0, stdout: expect.stringContaining(`${approvalId} granted`) });
    const done = await carriedOut(surroundings(), () => askByRest(surroundings(), args));
    expect(done).toMatchObject({ code: 'done' });
    expect(surroundings().paid(args.to)).toBe(1);
    await surroundings().recorded(done.callId, 'completed');
    const story = await desk.cli('audit-projector', ['audit', 'show', done.callId ?? '']);
    expect(story.code).toBe(0);
    for (const part of [approvalId, 'user:grace', 'ToolCallParked', 'ApprovalGranted', 'ToolCallResumed', 'ToolCallDispatched'])
      expect(story.stdout).toContain(part);
  });

  test.concurrent('a no from the command line needs a reason, and who asked is told it', async () => {
    const { desk, cluster } = surroundings();
    const args = { to: anAccount(), amount: 52 };
    const { approvalId } = await askByRest(surroundings(), args);
    expect((await desk.cli('approval', ['approval', 'reject', approvalId ?? ''])).code).not.toBe(0);
    expect(await desk.cli('approval', ['approval', 'reject', approvalId ?? '', '--why', 'wrong customer'])).toMatchObject({ code: 0 });
    const { text } = await cluster.fetchAs(ADA, `/v1/approvals/${approvalId}/status`, { base: cluster.service('approval').url });
    expect(JSON.parse(text)).toMatchObject({ status: 'rejected', why: 'wrong customer' });
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('neither the person nor an agent of a call agrees to it, nor any agent or stranger for people', async () => {
    const { desk, cluster } = surroundings();
    const args = { to: anAccount(), amount: 53 };
    const told = await askByRest(surroundings(), args);
    const path = `/v1/approvals/${told.approvalId}/grant`;
    const base = cluster.service('approval').url;
    const answers = [
      [{ subject: 'ada', scopes: [APPROVE] }, 'approval.self-approval'],
      [{ subject: 'ada', agent: 'clerk', scopes: [APPROVE] }, 'approval.self-approval'],
      [{ subject: 'grace', agent: 'writer', scopes: [APPROVE] }, 'approval.self-approval'],
      [{ subject: 'grace', agent: 'clerk', scopes: [APPROVE] }, 'identity.forbidden'],
      [{ subject: 'bob', scopes: [APPROVE] }, 'identity.forbidden'],
      [{ subject: 'grace', scopes: ['tools:read'] }, 'identity.forbidden'],
      [{ subject: 'grace', scopes: [APPROVE], tenant: 'umbrella' }, 'request.not-found'],
    ] as const;
    for (const [who, code] of answers) {
      const { text } = await cluster.fetchAs(who, path, { method: 'POST', body: {}, base });
      expect(text, JSON.stringify(who)).toContain(code);
    }
    expect(await desk.show(told.approvalId ?? '')).toMatchObject({ status: 'pending', demands: [{ answeredBy: [] }] });
    expect(await askByRest(surroundings(), args)).toMatchObject({ code: 'approval.required', approvalId: told.approvalId });
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('an approver sees masked what is personal or secret, the truth only on record, and the tool gets what policy lets through', async () => {
    const { desk, cluster } = surroundings();
    const args = { to: anAccount(), amount: 54, reference: `${PERSON} with ${SECRET}` };
    const told = await askByRest(surroundings(), args);
    const id = told.approvalId ?? '';
    const shown = JSON.stringify(await desk.show(id));
    expect(shown).not.toContain(PERSON);
    expect(shown).not.toContain(SECRET);
    expect((await desk.cli('approval', ['approval', 'show', id])).stdout).not.toContain(PERSON);

    expect(await desk.fetch('bob', `/${id}/unmask`, {})).toMatchObject({ status: 403 });
    const unmasked = await desk.fetch('olga', `/${id}/unmask`, {});
    expect(JSON.parse(unmasked.text)).toMatchObject({ params: { arguments: args } });
    const { events } = await surroundings().heard(told.callId, 'ApprovalParamsUnmasked', 1);
    const looks = events.filter(({ type }) => type === 'ApprovalParamsUnmasked');
    expect(looks.map(({ data }) => data)).toMatchObject([{ approvalId: id, unmaskedBy: 'user:olga' }]);

    await desk.grant(id);
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), args))).toMatchObject({ code: 'done' });
    const [received] = cluster.upstream.callsOf('transfer').filter((call) => call.arguments.to === args.to);
    expect(received?.arguments.reference).toContain(PERSON);
    expect(received?.body).not.toContain(SECRET);
  });

  test.concurrent('an answer to something else than what was looked at does not count', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 55 };
    const other = { to: anAccount(), amount: 55 };
    const [told, seen] = await Promise.all([askByRest(surroundings(), args), askByRest(surroundings(), other)]);
    const { paramsHash } = await desk.show(seen.approvalId ?? '');
    expect(await desk.fetch('grace', `/${told.approvalId}/grant`, { paramsHash })).toMatchObject({
      status: 409,
      text: expect.stringContaining('approval.mismatch'),
    });
    expect(await askByRest(surroundings(), args)).toMatchObject({ code: 'approval.required', approvalId: told.approvalId });
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('who asked may see how far it is, and nobody else may', async () => {
    const { cluster } = surroundings();
    const args = { to: anAccount(), amount: 56 };
    const told = await askByRest(surroundings(), args);
    const base = cluster.service('approval').url;
    const path = `/v1/approvals/${told.approvalId}/status`;
    const own = await cluster.fetchAs(ADA, path, { base });
    expect(JSON.parse(own.text)).toMatchObject({ approvalId: told.approvalId, status: 'pending', answers: 0, quorum: 1 });
    expect((await cluster.fetchAs({ subject: 'bob', agent: 'writer' }, path, { base })).status).toBe(404);
    expect((await cluster.fetchAs({ subject: 'ada', agent: 'clerk' }, path, { base })).status).toBe(404);
  });
};
