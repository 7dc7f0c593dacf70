import { encodeEvent } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRecoveryHarness, type RecoveryHarness, type ToldRun } from './recovery.harness.js';

const REST = { transport: 'rest', protocolVersion: null } as const;
const READ = { tool: { id: 'fs/read_file', definitionDigest: `sha256:${'a'.repeat(64)}`, version: '1', riskTier: 'read' } } as const;
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

/** What recovery guarantees, whatever the log lies in. */
export const recoveryStories = (
  title: string,
  start: () => Promise<{
    readonly postgres: TestPostgres;
    readonly openLog: (url: string) => Promise<EventLog>;
    stop(): Promise<void>;
  }>,
): void => {
  describe(title, () => {
    let harness: RecoveryHarness;
    let stop: () => Promise<void>;
    let run: ToldRun;
    let callId: string;
    beforeAll(async () => {
      const started = await start();
      stop = () => started.stop();
      harness = await openRecoveryHarness(started.postgres, started.openLog);
    }, 120_000);
    afterAll(async () => {
      await harness?.close();
      await stop?.();
    });

    const begin = async (): Promise<void> => {
      run = await harness.run();
      callId = crypto.randomUUID();
    };
    const lose = (): Promise<void> => harness.silence(run, 31);
    /** Sweeps and tells what is on the log of the call, by type. */
    const recovered = async (): Promise<readonly string[]> => {
      await harness.sweeper().sweep();
      await harness.followed();
      return (await harness.toldOf(callId)).map(({ type }) => type);
    };
    const claim = (scope: string | null = null, approvalId: string | null = null) =>
      harness.claims.win({
        ...{ callId, attempt: 1, tenantId: 'acme', chainId: `chain-${callId}`, edgeId: run.edgeId, approvalId },
        key: scope === null ? null : { scope, paramsHash: 'hash' },
      });

    test('a call that was only asked for is abandoned, and nobody can send it any more', async () => {
      await begin();
      await harness.say(harness.requested(run, callId));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallAbandoned']);
      expect((await harness.toldOf(callId)).at(-1)?.data).toEqual({ stage: 'requested', reason: 'gateway-lost' });
      expect(await claim()).toBe('taken');
      expect(await harness.open()).not.toHaveProperty(callId);
    });

    test('a claim under which nothing was sent is taken over, and gives its key and its grant back', async () => {
      await begin();
      const [scope, approvalId] = [crypto.randomUUID(), crypto.randomUUID()];
      expect(await claim(scope, approvalId)).toBe('won');
      await harness.say(harness.requested(run, callId));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallAbandoned']);
      expect(await harness.claims.earlier('acme', scope)).toBeNull();
      callId = crypto.randomUUID();
      expect(await claim(scope, approvalId)).toBe('won');
    });

    test('a write that was sent is in doubt, keeps its key and stays on the list', async () => {
      await begin();
      const scope = crypto.randomUUID();
      await claim(scope);
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallInDoubt']);
      expect(await harness.open()).toMatchObject({ [callId]: 'in-doubt' });
      expect(await harness.claims.earlier('acme', scope)).toMatchObject({ state: 'open' });
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallInDoubt']);
    });

    test('a call that was asked for anew, as nothing of it had been sent, is abandoned and gives its key back; its grant was used on record', async () => {
      await begin();
      const [scope, approvalId] = [crypto.randomUUID(), crypto.randomUUID()];
      await claim(scope, approvalId);
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId, { approvalId }), harness.askedAnew(run, callId));
      expect(await harness.open()).toMatchObject({ [callId]: 'requested' });
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallReevaluationRequested', 'ToolCallAbandoned']);
      expect(await harness.claims.earlier('acme', scope)).toBeNull();
      const former = callId;
      expect(await harness.claims.renew(former, 1)).toBe(false);
      callId = crypto.randomUUID();
      expect(await claim(scope, approvalId)).toBe('approval-used');
    });

    test('a call that was dispatched anew and then lost is in doubt, as any other that was sent', async () => {
      await begin();
      const scope = crypto.randomUUID();
      await claim(scope);
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId), harness.askedAnew(run, callId));
      await harness.say(harness.dispatched(run, callId, { decisionId: 'd2', tokenId: 'jti-2' }));
      await lose();
      expect((await recovered()).at(-1)).toBe('ToolCallInDoubt');
      expect(await harness.claims.earlier('acme', scope)).toMatchObject({ state: 'open' });
    });

    test('a call that is asked for anew by a gateway that lives is its own, and so is its claim', async () => {
      await begin();
      await claim(crypto.randomUUID());
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId), harness.askedAnew(run, callId));
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallReevaluationRequested']);
      expect(await harness.claims.renew(callId, 1)).toBe(true);
    });

    test('a reading that was sent has failed, and its key is free for another reading', async () => {
      await begin();
      const scope = crypto.randomUUID();
      await claim(scope);
      await harness.say(harness.requested(run, callId, READ), harness.dispatched(run, callId));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallFailed']);
      expect((await harness.toldOf(callId)).at(-1)?.data).toMatchObject({ code: 'call.lost', reached: 'unknown' });
      expect(await harness.claims.earlier('acme', scope)).toBeNull();
    });

    test('the key of a call whose end is on the log, and of which its lost gateway kept nothing, is told that the answer is gone', async () => {
      await begin();
      const scope = crypto.randomUUID();
      await claim(scope);
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId), harness.completed(run, callId));
      await harness.database.query(`UPDATE dispatch_claims SET claimed_at = now() - interval '61 seconds' WHERE call_id = $1`, [callId]);
      await harness.database.query(`UPDATE edge_instances SET started_at = now() - interval '2 minutes' WHERE boot_id = $1`, [run.bootId]);
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
      expect(await harness.claims.earlier('acme', scope)).toMatchObject({ state: 'open' });
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
      expect(await harness.claims.earlier('acme', scope)).toMatchObject({ state: 'not-retained' });
    });

    test('an outcome that was kept for the log is what became of the call', async () => {
      await begin();
      await claim();
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId));
      const kept = [encodeEvent(harness.completed(run, callId))];
      await harness.claims.keep({ callId, attempt: 1, records: kept, answer: null, isNothingSent: false });
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
      expect(await harness.open()).not.toHaveProperty(callId);
      expect(await harness.claims.kept(run.edgeId)).toEqual([]);
    });

    test('a dispatch that was kept with its outcome is told with it, not abandoned', async () => {
      await begin();
      await claim();
      await harness.say(harness.requested(run, callId));
      const kept = [harness.dispatched(run, callId), harness.completed(run, callId)].map((event) => encodeEvent(event));
      await harness.claims.keep({ callId, attempt: 1, records: kept, answer: null, isNothingSent: false });
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
    });

    test('a parked call whose client waited on the lost gateway is abandoned', async () => {
      await begin();
      await harness.say(harness.requested(run, callId, REST), harness.parked(run, callId, inSeconds(300), REST));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallAbandoned']);
      expect((await harness.toldOf(callId)).at(-1)?.data).toEqual({ stage: 'parked', reason: 'client-gone' });
      expect(await claim()).toBe('taken');
    });

    test('a parked call whose client comes back by itself is left alone until its time is over', async () => {
      await begin();
      await harness.say(harness.requested(run, callId), harness.parked(run, callId, inSeconds(300)));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallParked']);
      await harness.say(harness.parked(run, callId, inSeconds(-31)));
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallParked', 'ToolCallAbandoned']);
    });

    test('a parked call whose time is over is abandoned though its gateway lives', async () => {
      await begin();
      await harness.say(harness.requested(run, callId), harness.parked(run, callId, inSeconds(-31)));
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallAbandoned']);
    });

    test('a call that another gateway goes on with is its call', async () => {
      await begin();
      const lost = run;
      const live = await harness.run();
      await harness.say(harness.requested(lost, callId, REST), harness.parked(lost, callId, inSeconds(300), REST));
      await harness.say(harness.eventOf(live, callId, 'ToolCallResumed', { approvalId: 'a', evaluation: 2, edgeId: live.edgeId }));
      await lose();
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallParked', 'ToolCallResumed']);
      expect(await harness.open()).toMatchObject({ [callId]: 'requested' });
    });

    test('a slow call of a gateway that lives is left alone, and so is one of a gateway that fell silent just now', async () => {
      await begin();
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId));
      await harness.silence(run, 20);
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched']);
    });

    test('a run that was replaced is given up sooner, and one whose end was orderly at once', async () => {
      await begin();
      await harness.say(harness.requested(run, callId));
      await harness.run(run.edgeId);
      expect(await recovered()).toEqual(['ToolCallRequested']);
      await harness.silence(run, 16);
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallAbandoned']);
      await begin();
      await harness.say(harness.requested(run, callId));
      await harness.database.query('UPDATE edge_instances SET ended_at = now() WHERE boot_id = $1', [run.bootId]);
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallAbandoned']);
    });

    test('an end that is on the log and not followed yet is never overlooked', async () => {
      await begin();
      await harness.say(harness.requested(run, callId));
      await lose();
      const [sent, answered] = [harness.dispatched(run, callId), harness.completed(run, callId)].map((event) => encodeEvent(event));
      if (sent === undefined || answered === undefined) throw new Error('no events');
      await harness.append([sent, answered]);
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
      await begin();
      await harness.say(harness.requested(run, callId));
      await lose();
      await harness.append([encodeEvent(harness.dispatched(run, callId))]);
      expect(await recovered()).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallInDoubt']);
    });

    test('sweepers that race recover each call once', async () => {
      await begin();
      const callIds = Array.from({ length: 250 }, () => crypto.randomUUID());
      await harness.say(...callIds.flatMap((id) => [harness.requested(run, id), harness.dispatched(run, id)]));
      await lose();
      const counts = await Promise.all([harness.sweeper().sweep(), harness.sweeper().sweep(), harness.sweeper().sweep()]);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(callIds.length);
      await harness.followed();
      const stages = await harness.open();
      expect(callIds.every((id) => stages[id] === 'in-doubt')).toBe(true);
    });

    test('a recovery that was broken off is repeated with the same ids', async () => {
      await begin();
      await harness.say(harness.requested(run, callId));
      await lose();
      await harness.sweeper().sweep();
      await harness.followed();
      const [, abandoned] = await harness.toldOf(callId);
      await harness.say(harness.requested(run, callId));
      await harness.sweeper().sweep();
      await harness.followed();
      const again = (await harness.toldOf(callId)).filter(({ type }) => type === 'ToolCallAbandoned');
      expect(again.map(({ id }) => id)).toEqual([abandoned?.id]);
    });

    test('a call that begins and ends leaves nothing, however it is cut into batches', async () => {
      await begin();
      await harness.say(harness.requested(run, callId), harness.dispatched(run, callId), harness.completed(run, callId));
      expect(await harness.open()).not.toHaveProperty(callId);
      callId = crypto.randomUUID();
      await harness.say(harness.requested(run, callId));
      expect(await harness.open()).toMatchObject({ [callId]: 'requested' });
      await harness.say(harness.dispatched(run, callId));
      expect(await harness.open()).toMatchObject({ [callId]: 'dispatched' });
      await harness.say(harness.completed(run, callId));
      expect(await harness.open()).not.toHaveProperty(callId);
      await harness.say(harness.dispatched(run, callId));
      expect(await harness.open()).not.toHaveProperty(callId);
    });

    test('an event that nobody can read is followed by its headers, and counts as what may have had an effect', async () => {
      await begin();
      const [requested, dispatched] = [harness.requested(run, callId, READ), harness.dispatched(run, callId)].map((event) =>
        encodeEvent(event),
      );
      if (requested === undefined || dispatched === undefined) throw new Error('no events');
      await harness.append([{ ...requested, value: '{"broken":true}' }, dispatched]);
      await harness.followed();
      await lose();
      await harness.sweeper().sweep();
      await harness.followed();
      expect(await harness.open()).toMatchObject({ [callId]: 'in-doubt' });
    });
  });
};
