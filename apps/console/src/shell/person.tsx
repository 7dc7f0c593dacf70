import { Menu, Text, UnstyledButton } from '@mantine/core';
import type { ConsoleSession } from '@sallyport/contracts';
import { IconChevronDown, IconLogout } from '@tabler/icons-react';
import { logout } from '../api/session.js';
import { reportFault } from '../components/action-result.js';
import { ForeignText } from '../components/foreign-text.js';
import classes from './person.module.css';

/** Who is logged in, in which tenant and with which roles; the way out. */
export const Person = ({ session }: { readonly session: ConsoleSession }) => (
  <Menu position="bottom-end" width={240}>
    <Menu.Target>
      <UnstyledButton className={classes.person} aria-label={`Logged in as ${session.subject} in ${session.tenantId}`}>
        <span className={classes.name}>
          <ForeignText text={session.name} />
        </span>
        <IconChevronDown size={14} stroke={1.5} />
      </UnstyledButton>
    </Menu.Target>
    <Menu.Dropdown>
      <Menu.Label>
        <Text size="sm" c="var(--mantine-color-text)">
          <ForeignText text={session.subject} />
        </Text>
        <Text size="xs">Tenant {session.tenantId}</Text>
        <Text size="xs">{session.roles.length === 0 ? 'No role' : session.roles.join(', ')}</Text>
      </Menu.Label>
      <Menu.Divider />
      <Menu.Item
        leftSection={<IconLogout size={16} stroke={1.5} />}
        onClick={() => void logout().catch((error: unknown) => reportFault('Not logged out', error))}
      >
        Log out
      </Menu.Item>
    </Menu.Dropdown>
  </Menu>
);
