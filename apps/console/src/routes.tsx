import { OFFICE_SCOPES } from '@sallyport/contracts';
import { IconCoins, IconGauge, IconGavel, IconKey, IconListDetails, IconSettings, IconTools, IconUserCheck } from '@tabler/icons-react';
import { type Page, page } from './shell/page-table.js';

/** Every page, in the order of the navigation. A page is there when its line is here; see the README for what a line says. */
export const PAGES: readonly Page[] = [
  page({
    path: '/',
    nav: { label: 'Overview', icon: IconGauge, keys: 'g o' },
    scope: OFFICE_SCOPES.audit,
    load: () => import('./pages/overview/overview.page.js'),
  }),
  page({
    path: '/approvals',
    nav: { label: 'Approvals', icon: IconUserCheck, keys: 'g a' },
    scope: OFFICE_SCOPES.approve,
    load: () => import('./pages/approvals/approvals.page.js'),
  }),
  page({ path: '/approvals/:approvalId', scope: OFFICE_SCOPES.approve, load: () => import('./pages/approvals/approvals.page.js') }),
  page({
    path: '/budgets',
    nav: { label: 'Budgets', icon: IconCoins, keys: 'g b' },
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/budgets/budgets.page.js'),
  }),
  page({
    path: '/budgets/:account',
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/budgets/account.page.js'),
  }),
  page({
    path: '/calls',
    nav: { label: 'Calls', icon: IconListDetails, keys: 'g c' },
    scope: OFFICE_SCOPES.audit,
    load: () => import('./pages/calls/calls.page.js'),
  }),
  page({ path: '/calls/:callId', scope: OFFICE_SCOPES.audit, load: () => import('./pages/call/call.page.js') }),
  page({ path: '/chains/:chainId', scope: OFFICE_SCOPES.audit, load: () => import('./pages/chain/chain.page.js') }),
  page({
    path: '/catalog',
    nav: { label: 'Catalog', icon: IconTools, keys: 'g t' },
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/catalog/catalog.page.js'),
  }),
  page({
    path: '/catalog/:server/:tool',
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/catalog/tool.page.js'),
  }),
  page({
    path: '/policies',
    nav: { label: 'Policies', icon: IconGavel, keys: 'g p' },
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/policies/policies.page.js'),
  }),
  page({
    path: '/policies/try',
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/policies/try-call.page.js'),
  }),
  page({
    path: '/policies/:version',
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/policies/version.page.js'),
  }),
  page({
    path: '/access',
    nav: { label: 'Access', icon: IconKey, keys: 'g w' },
    scope: [OFFICE_SCOPES.operate, OFFICE_SCOPES.audit],
    load: () => import('./pages/access/access.page.js'),
  }),
  page({
    path: '/settings',
    nav: { label: 'Settings', icon: IconSettings, keys: 'g s' },
    scope: OFFICE_SCOPES.operate,
    load: () => import('./pages/settings/settings.page.js'),
  }),
];
