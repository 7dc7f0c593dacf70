import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { createBrowserRouter, type RouteObject } from 'react-router';
import { RouterProvider } from 'react-router/dom';
import { queryClient } from './api/query-client.js';
import { PAGES } from './routes.js';
import { Gate } from './shell/gate.js';
import { NotFound, PageFault } from './shell/page-fault.js';
import { ScopedPage } from './shell/scoped-page.js';
import { ShortcutsProvider } from './shell/shortcuts.js';
import { cssVariables, theme } from './theme.js';

const routes: RouteObject[] = [
  {
    path: '/',
    Component: Gate,
    children: [
      {
        ErrorBoundary: PageFault,
        HydrateFallback: () => null,
        children: [
          ...PAGES.map(
            ({ path, nav, scope, load }): RouteObject => ({
              path,
              lazy: async () => {
                const { Component } = await load();
                return { element: <ScopedPage title={nav?.label ?? 'No permission'} scope={scope} page={Component} /> };
              },
            }),
          ),
          { path: '*', Component: NotFound },
        ],
      },
    ],
  },
];

const router = createBrowserRouter(routes, { basename: '/console' });

/** The console. `nonce` marks the styles that are made at run time as ours. */
export const App = ({ nonce }: { readonly nonce: string }) => (
  <MantineProvider
    theme={theme}
    cssVariablesResolver={cssVariables}
    defaultColorScheme="auto"
    {...(nonce === '' ? {} : { getStyleNonce: () => nonce })}
  >
    <QueryClientProvider client={queryClient}>
      <ShortcutsProvider>
        <RouterProvider router={router} />
      </ShortcutsProvider>
    </QueryClientProvider>
  </MantineProvider>
);
