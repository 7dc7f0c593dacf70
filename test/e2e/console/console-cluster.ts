import { type ClusterOptions, OFFICE_SCOPES, STORY_SCOPES, STORY_TENANT, type TestIdentityProvider } from '@sallyport/testing';
import { CONSOLE_CLIENT } from './console-harness.js';
import { OTHER_TENANT } from './people.js';

/** What the writer of the stories of the console may do once somebody agreed. */
const APPROVED_WRITES = ['story/transfer', 'story/publish'];
const EVERYTHING = [...new Set([...STORY_SCOPES, ...OFFICE_SCOPES, 'sallyport:approve'])];

/** The cluster that the stories of the console share: people who log in at this provider and may do what their token or role says, two of whom must agree to an export. */
export const consoleCluster = (provider: TestIdentityProvider): ClusterOptions => ({
  size: 'embedded',
  grantedWrites: APPROVED_WRITES,
  configuration: {
    // A tool that changes is seen while somebody looks.
    gateway: { observeEveryMs: 1_000 },
    tenants: [STORY_TENANT, OTHER_TENANT].map((id) => ({ id, name: id })),
    identity: {
      users: [
        ...['ada', 'grace', 'olga'].map((id) => ({ id, tenant: STORY_TENANT, scopes: EVERYTHING })),
        { id: 'ina', tenant: OTHER_TENANT, scopes: EVERYTHING },
      ],
    },
    console: { issuer: provider.issuer, clientId: CONSOLE_CLIENT.id, clientSecret: CONSOLE_CLIENT.secret },
    approvals: {
      rules: [
        { id: 'exports-and-deletes', approvers: ['grace', 'olga'], quorum: 2, waitSeconds: 600, grantSeconds: 600 },
        { id: '*', approvers: ['*'], waitSeconds: 600, grantSeconds: 600 },
      ],
    },
  },
});
