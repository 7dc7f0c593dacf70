import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openSessionId, sealSessionId } from './session-id.js';

const key = randomBytes(32);
const sealer = {
  seal: (tenantId: string, plaintext: string, context: string): string => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(`${tenantId}|${context}`));
    return Buffer.concat([iv, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  },
  open: (tenantId: string, sealed: string, context: string): Buffer => {
    const bytes = Buffer.from(sealed, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(`${tenantId}|${context}`));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  },
};
const binding = { tenantId: 'acme', subject: 'user:ada', actor: 'agent:triage', issuer: 'https://issuer', server: 'fs' };

describe('a sealed session id', () => {
  test('opens for the principal and server it was sealed for, and fits a header', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x21-\x7e]{1,200}$/), (upstreamSession) => {
        const sealed = sealSessionId(sealer, { ...binding, upstreamSession });
        expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(openSessionId(sealer, sealed, binding)).toBe(upstreamSession);
      }),
    );
  });

  test.each([
    ['tenant', { tenantId: 'other' }],
    ['subject', { subject: 'user:grace' }],
    ['actor', { actor: 'agent:writer' }],
    ['issuer', { issuer: 'https://elsewhere' }],
    ['server', { server: 'memory' }],
  ])('is unknown to another %s', (_field, over) => {
    const sealed = sealSessionId(sealer, { ...binding, upstreamSession: 's-1' });
    expect(() => openSessionId(sealer, sealed, { ...binding, ...over })).toThrow(expect.objectContaining({ code: 'session.unknown' }));
  });

  test('is unknown when it was altered or made up', () => {
    const sealed = sealSessionId(sealer, { ...binding, upstreamSession: 's-1' });
    const altered = `${sealed.slice(0, 20)}${sealed[20] === 'A' ? 'B' : 'A'}${sealed.slice(21)}`;
    for (const value of [altered, '', 'nonsense', sealed.slice(4)])
      expect(() => openSessionId(sealer, value, binding)).toThrow(expect.objectContaining({ code: 'session.unknown' }));
  });

  test('is not made of what no header can carry', () => {
    for (const upstreamSession of ['', 'a b', 'a\nb', 'é'])
      expect(() => sealSessionId(sealer, { ...binding, upstreamSession })).toThrow(
        expect.objectContaining({ code: 'upstream.answer-invalid' }),
      );
  });
});
