import { type ClusterOptions, OFFICE_SCOPES, STORY_SCOPES, STORY_TENANT } from '@sallyport/testing';

/** What the writer of the stories of the console may do once somebody agreed. */
const APPROVED_WRITES = ['story/transfer', 'story/publish'];
const EVERYTHING = [...new Set([...STORY_SCOPES, ...OFFICE_SCOPES, 'sallyport:approve'])];

/** The cluster that the stories of the console share: people who may do what their token says, two of whom must agree to an export. */
export const consoleCluster = (): ClusterOptions => ({
  size: 'embedded',
  grantedWrites: APPROVED_WRITES,
  configuration: {
    identity: {
      users: ['ada', 'grace', 'olga'].map((id) => ({ id, tenant: STORY_TENANT, scopes: EVERYTHING })),
    },
    approvals: {
      rules: [
        { id: 'exports-and-deletes', approvers: ['grace', 'olga'], quorum: 2, waitSeconds: 600, grantSeconds: 600 },
        { id: '*', approvers: ['*'], waitSeconds: 600, grantSeconds: 600 },
      ],
    },
  },
});
