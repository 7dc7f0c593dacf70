import { ActionIcon, AppShell, Burger, Group, NavLink, ScrollArea, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKeyboard } from '@tabler/icons-react';
import { Suspense, useEffect, useRef } from 'react';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { useSession } from '../api/session.js';
import { ActionResults } from '../components/action-result.js';
import { Loading } from '../components/states.js';
import { PAGES } from '../routes.js';
import gateUrl from './gate.svg';
import { KeyboardHelp } from './keyboard-help.js';
import { Offline } from './offline.js';
import { Person } from './person.js';
import classes from './shell.module.css';
import { type Shortcut, useShortcuts } from './shortcuts.js';
import { ThemeSwitch } from './theme-switch.js';

const isAt = (path: string, pathname: string): boolean =>
  path === '/' ? pathname === '/' : pathname === path || pathname.startsWith(`${path}/`);

/** The frame of every page: navigation, who is logged in, the keys, what actions did. */
export const Shell = () => {
  const session = useSession();
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const [navOpened, nav] = useDisclosure(false);
  const [helpOpened, help] = useDisclosure(false);
  const main = useRef<HTMLElement>(null);

  const inNav = PAGES.flatMap(({ path, nav: entry }) => (entry === undefined ? [] : [{ path, ...entry }]));
  useShortcuts([
    ...inNav.map(({ keys, label, path }): Shortcut => ({ keys, does: `Go to ${label}`, run: () => void navigate(path) })),
    { keys: '?', does: 'Show the keys', run: help.open },
  ]);

  // A page that was reached by a link starts at its top, for eyes and for screen readers.
  const shown = useRef(pathname);
  useEffect(() => {
    nav.close();
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname, nav.close]);

  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 208, breakpoint: 'sm', collapsed: { mobile: !navOpened } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <a className={classes.skip} href="#content">
        Skip to the content
      </a>
      <AppShell.Header className={classes.header}>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger
            opened={navOpened}
            onClick={nav.toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label={navOpened ? 'Close the navigation' : 'Open the navigation'}
            aria-expanded={navOpened}
            aria-controls="navigation"
          />
          <Link to="/" className={classes.brand}>
            <img src={gateUrl} alt="" width={22} height={22} />
            <span>Sallyport</span>
          </Link>
          <Text size="sm" c="dimmed" className={classes.tenant} title="Tenant">
            {session.tenantId}
          </Text>
          <Group gap={4} ml="auto" wrap="nowrap">
            <Tooltip label="Keys (?)">
              <ActionIcon variant="subtle" color="gray" onClick={help.open} aria-label="Show the keys" visibleFrom="sm">
                <IconKeyboard size={18} stroke={1.5} />
              </ActionIcon>
            </Tooltip>
            <ThemeSwitch />
            <Person session={session} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar id="navigation" className={classes.navbar} aria-label="Pages" data-closed={!navOpened || undefined}>
        <ScrollArea p="xs">
          {inNav.map(({ path, label, icon: Icon, keys }) => (
            <NavLink
              key={path}
              component={Link}
              to={path}
              label={label}
              leftSection={<Icon size={18} stroke={1.5} />}
              rightSection={<span className={classes.keys}>{keys}</span>}
              active={isAt(path, pathname)}
              aria-current={isAt(path, pathname) ? 'page' : undefined}
              className={classes.link}
            />
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main ref={main} id="content" tabIndex={-1} className={classes.main}>
        <Offline />
        <Suspense fallback={<Loading what="the page" />}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
      <ActionResults />
      <KeyboardHelp opened={helpOpened} onClose={help.close} />
    </AppShell>
  );
};
