import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { askByRest, carriedOut } from './asking.js';
import { APPROVERS, anAccount, approvalRules, type Surroundings } from './surroundings.js';

/** The approval service is away, comes back, or comes back with other rules. In the embedded size everything goes and comes with it. */
export const away = (surroundings: () => Surroundings): void => {
  const again = async (): Promise<void> => {
    const approval = surroundings().cluster.service('approval');
    approval.start();
    await approval.ready();
  };

  test('while it is away a call that needs people ends closed, and what was asked before is answered and made once after', async () => {
    const { cluster, desk } = surroundings();
    const args = { to: anAccount(), amount: 71 };
    const late = { to: anAccount(), amount: 72 };
    const agent = await surroundings().modern();
    const call = agent.call('transfer', args).catch(() => 'lost' as const);
    const { approvalId } = await desk.asked(args.to);
    await cluster.service('approval').kill();
    const end = await call;
    if (cluster.size === 'embedded') expect(end).toBe('lost');
    else {
      expect(end).toMatchObject({ isError: true, code: 'approval.unavailable' });
      expect(await askByRest(surroundings(), late)).toMatchObject({ status: 503, code: 'approval.unavailable' });
    }
    expect([surroundings().paid(args.to), surroundings().paid(late.to)]).toEqual([0, 0]);
    await again();
    await agent.close();
    // The question may have been asked again, or taken back with its call; whoever is asked now agrees.
    const told = await askByRest(surroundings(), args);
    expect(told).toMatchObject({ code: 'approval.required' });
    expect(surroundings().paid(args.to)).toBe(0);
    await desk.grant(told.approvalId ?? '');
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), args))).toMatchObject({ code: 'done' });
    expect(surroundings().paid(args.to)).toBe(1);
    expect(surroundings().paid(late.to)).toBe(0);
    expect(await desk.show(approvalId)).not.toMatchObject({ status: 'granted' });
  });

  test('a grant outlives it, and not a change of the people who may give it', async () => {
    const { cluster, desk } = surroundings();
    const [kept, lost] = [
      { to: anAccount(), amount: 73 },
      { to: anAccount(), amount: 74 },
    ];
    const approvals = new Map<string, string>();
    for (const args of [kept, lost]) {
      const { approvalId } = await askByRest(surroundings(), args);
      approvals.set(args.to, approvalId ?? '');
      await desk.grant(approvalId ?? '', 'grace');
    }
    await cluster.service('approval').kill();
    await again();
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), kept))).toMatchObject({ code: 'done' });
    expect(surroundings().paid(kept.to)).toBe(1);

    const file = join(cluster.folder, 'sallyport.yaml');
    const configuration = parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const rules = approvalRules(APPROVERS.filter((person) => person !== 'grace'));
    await cluster.service('approval').stop();
    writeFileSync(file, stringify({ ...configuration, approvals: { rules } }));
    await again();
    await desk.becomes(approvals.get(lost.to) ?? '', 'withdrawn');
    const told = await askByRest(surroundings(), lost);
    expect(told).toMatchObject({ code: 'approval.required' });
    expect(told.approvalId).not.toBe(approvals.get(lost.to));
    expect(await desk.fetch('grace', `/${told.approvalId}/grant`, {})).toMatchObject({ status: 403 });
    expect(surroundings().paid(lost.to)).toBe(0);
    await desk.grant(told.approvalId ?? '', 'olga');
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), lost), 'olga')).toMatchObject({ code: 'done' });
    expect(surroundings().paid(lost.to)).toBe(1);
  });
};
