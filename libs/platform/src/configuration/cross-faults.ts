import type { FaultAt } from './configuration-error.js';
import type { SallyportConfiguration } from './schema.js';
import { isSafeOnTheWay } from './values.js';

/** What one section says of another. Sections with faults of their own are left out. */
export const crossFaults = ({
  tenants,
  identity,
  upstreams,
  approvals,
  gateway,
  console,
  stdioHost,
  budget,
  log,
}: Partial<SallyportConfiguration>): readonly FaultAt[] => {
  const faults: FaultAt[] = [];
  if (tenants !== undefined) {
    const known = new Set(tenants.map(({ id }) => id));
    const mustExist = (tenant: string, at: readonly PropertyKey[]): void => {
      if (!known.has(tenant)) faults.push({ at, message: `there is no tenant ${tenant}` });
    };
    for (const list of ['users', 'agents', 'grants'] as const) {
      for (const [index, { tenant }] of (identity?.[list] ?? []).entries()) mustExist(tenant, ['identity', list, index, 'tenant']);
    }
    for (const [index, issuer] of (identity?.issuers ?? []).entries()) {
      for (const [place, tenant] of (issuer.tenants ?? []).entries()) mustExist(tenant, ['identity', 'issuers', index, 'tenants', place]);
    }
    for (const [index, { tenant }] of (upstreams ?? []).entries()) mustExist(tenant, ['upstreams', index, 'tenant']);
    for (const [index, { tenant }] of (approvals?.rules ?? []).entries()) {
      if (tenant !== undefined) mustExist(tenant, ['approvals', 'rules', index, 'tenant']);
    }
    for (const [index, { tenant, account }] of (budget?.limits ?? []).entries()) {
      mustExist(tenant, ['budget', 'limits', index, 'tenant']);
      if (account.startsWith('tenant:') && account !== `tenant:${tenant}`)
        faults.push({ at: ['budget', 'limits', index, 'account'], message: `is an account of another tenant than ${tenant}` });
    }
  }
  for (const [index, { agent, tenant }] of (identity?.grants ?? []).entries()) {
    if (identity?.agents.some(({ id, tenant: home }) => id === agent && home === tenant) === true) continue;
    faults.push({ at: ['identity', 'grants', index, 'agent'], message: `there is no agent ${agent} in ${tenant}` });
  }
  // Over plain http the cookies of a session are anybody's on the way, and so are the keys that its tokens are verified by.
  if (console?.issuer !== undefined && gateway !== undefined && !isSafeOnTheWay(gateway.publicUrl))
    faults.push({ at: ['gateway', 'publicUrl'], message: 'must be https://, or on this machine, where people log in to the console' });
  // One process owns the embedded log and the children; on Kafka the gateway has replicas, none of which may start children of its own.
  if (
    log?.kind === 'kafka' &&
    stdioHost !== undefined &&
    stdioHost.url === undefined &&
    upstreams?.some(({ transport }) => transport.kind === 'stdio') === true
  ) {
    faults.push({
      at: ['stdioHost', 'url'],
      message: 'is needed for stdio upstreams when log.kind is kafka: no gateway replica starts children itself',
    });
  }
  return faults;
};
