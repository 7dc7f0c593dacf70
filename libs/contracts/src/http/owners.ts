import type { Service } from '../topics.js';

/**
 * Which service serves what begins with a path, where each runs by itself: what an ingress joins them by. The longest beginning that fits counts, in
 * whole segments, and what begins with none of them is the gateway's, MCP and the console among it.
 */
export const PATH_OWNERS: Readonly<Record<string, Service>> = {
  '/v1/access': 'policy-decision',
  '/v1/approval': 'approval',
  '/v1/approvals': 'approval',
  '/v1/audit': 'audit-projector',
  '/v1/audit-projector': 'audit-projector',
  '/v1/budget-accountant': 'budget-accountant',
  '/v1/budgets': 'budget-accountant',
  '/v1/catalog': 'policy-decision',
  '/v1/chains': 'policy-decision',
  '/v1/controls': 'policy-decision',
  '/v1/policies': 'policy-decision',
  '/v1/policy-decision': 'policy-decision',
};

/** The service that serves a path. */
export const ownerOf = (path: string): Service => {
  const [, version = '', area = ''] = path.split('/');
  return PATH_OWNERS[`/${version}/${area}`] ?? 'edge-gateway';
};
