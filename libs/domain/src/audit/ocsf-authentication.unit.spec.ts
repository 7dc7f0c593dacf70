import { OcsfAuthenticationV1 } from '@sallyport/contracts';
import { anEvent } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { toOcsfAuthentication } from './ocsf-authentication.js';

const OF_NO_CALL = { callId: null, chainId: null, actor: null } as const;
const opened = anEvent(
  'ConsoleSessionOpened',
  { sessionId: 's-1', subject: 'user:mia', roles: ['viewer'], issuer: 'https://login.example', expiresAt: '2026-11-22T00:00:00.000Z' },
  { ...OF_NO_CALL, id: 'opened', subject: 'user:mia' },
);
const ended = (reason: 'revoked' | 'idle', endedBy: string | null) =>
  anEvent(
    'ConsoleSessionEnded',
    { sessionId: 's-1', subject: 'user:mia', reason, endedBy, endedAt: '2026-11-21T12:00:00.000Z' },
    { ...OF_NO_CALL, id: 'ended', subject: endedBy },
  );
const rejected = (code: string) =>
  anEvent(
    'RequestRejected',
    {
      ...{
        code,
        sourceHash: 'h'.repeat(43),
        edgeId: 'edge-1',
        count: 3,
        method: 'GET',
        route: '/console/session/callback',
        httpStatus: 401,
      },
      ...{ from: '2026-11-21T12:00:00.000Z', to: '2026-11-21T12:00:00.900Z' },
    },
    { ...OF_NO_CALL, id: 'rejected', subject: null },
  );

describe('OCSF Authentication of a login to the console', () => {
  test('says who logged in, where, and to which session', () => {
    expect(OcsfAuthenticationV1.data.parse(toOcsfAuthentication(opened))).toMatchObject({
      ...{ class_uid: 3002, category_uid: 3, activity_id: 1, type_uid: 300201, status_id: 1, auth_protocol: 'OpenID' },
      user: { uid: 'user:mia', name: 'mia', type_id: 1 },
      session: { uid: 's-1', issuer: 'https://login.example', expiration_time: Date.parse('2026-11-22T00:00:00.000Z') },
      metadata: { uid: 'opened', tenant_uid: 'acme' },
    });
  });

  test('says whose session ended and who ended it, and names nobody where time did', () => {
    expect(OcsfAuthenticationV1.data.parse(toOcsfAuthentication(ended('revoked', 'user:grace')))).toMatchObject({
      ...{ activity_id: 2, type_uid: 300202, status_detail: 'revoked', user: { uid: 'user:mia' } },
      actor: { user: { uid: 'user:grace' } },
    });
    expect(toOcsfAuthentication(ended('idle', null))).not.toHaveProperty('actor');
  });

  test('counts failed logins exactly and names nobody', () => {
    expect(OcsfAuthenticationV1.data.parse(toOcsfAuthentication(rejected('console.login-failed')))).toMatchObject({
      ...{ activity_id: 1, status_id: 2, status: 'Failure', status_code: 'console.login-failed', count: 3 },
      user: { name: 'unknown', type_id: 0 },
    });
  });

  test('is of nothing else that was turned away', () => {
    expect(toOcsfAuthentication(rejected('identity.token-invalid'))).toBeNull();
  });
});
