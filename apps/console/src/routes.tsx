import { OFFICE_SCOPES } from '@sallyport/contracts';
import { IconGauge, IconSettings } from '@tabler/icons-react';
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
    path: '/settings',
    nav: { label: 'Settings', icon: IconSettings, keys: 'g s' },
    scope: OFFICE_SCOPES.operate,
    load: () => import('./pages/settings/settings.page.js'),
  }),
];
