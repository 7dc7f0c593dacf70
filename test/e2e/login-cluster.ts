import type { ClusterOptions } from '@sallyport/testing';

export const OFFICE = ['sallyport:approve', 'sallyport:audit', 'sallyport:operate'];

/** The embedded size with its own authorization server, and people to log in there. */
export const LOGIN_CLUSTER: ClusterOptions = {
  size: 'embedded',
  configuration: {
    identity: {
      issuers: [
        {
          issuer: '/authorization',
          tokenSource: 'development',
          jwksFile: '.sallyport/development-issuer/jwks.json',
          algorithms: ['EdDSA'],
        },
        { issuer: '/story-issuer', tokenSource: 'stories', jwksFile: 'story-issuer.jwks.json' },
      ],
      users: [
        { id: 'ada', tenant: 'acme', scopes: ['tools:read', 'tools:write'] },
        { id: 'grace', tenant: 'acme', scopes: ['tools:read', 'tools:write', ...OFFICE] },
      ],
    },
  },
};
