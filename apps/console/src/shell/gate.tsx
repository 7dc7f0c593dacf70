import { Alert, Button, Center, Container, Stack, Text, Title } from '@mantine/core';
import { IconLogin2 } from '@tabler/icons-react';
import { QueryErrorResetBoundary } from '@tanstack/react-query';
import { Component, type PropsWithChildren, type ReactNode, Suspense } from 'react';
import { ApiFault } from '../api/api-fault.js';
import { loginAddress } from '../api/session.js';
import { ErrorState, Loading } from '../components/states.js';
import gateUrl from './gate.svg';
import { Shell } from './shell.js';

/** The shell for who is logged in; the way to the login for everybody else. */
export const Gate = () => (
  <QueryErrorResetBoundary>
    {({ reset }) => (
      <SessionBoundary onRetry={reset}>
        <Suspense
          fallback={
            <Center mih="100dvh">
              <Loading what="the console" />
            </Center>
          }
        >
          <Shell />
        </Suspense>
      </SessionBoundary>
    )}
  </QueryErrorResetBoundary>
);

interface BoundaryProps extends PropsWithChildren {
  readonly onRetry: () => void;
}

/** React catches what is thrown while it renders in classes alone. */
class SessionBoundary extends Component<BoundaryProps, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    if (error instanceof ApiFault && error.kind === 'signed-out') return <Welcome />;
    return (
      <Container size="sm" py="xl" component="main">
        <Title order={1} mb="md">
          Sallyport
        </Title>
        <ErrorState
          error={error}
          onRetry={() => {
            this.props.onRetry();
            this.setState({ error: null });
          }}
        />
      </Container>
    );
  }
}

/** Why the login came to nothing, in words. */
const LOGIN_FAULTS: Readonly<Record<string, string>> = {
  'not-configured': 'No identity provider is configured for this console.',
  'provider-unavailable': 'The identity provider cannot be reached, or answered with something else. Nobody was logged in.',
  refused: 'The identity provider, or you, said no.',
  expired: 'That login was begun too long ago or in another browser. Begin again.',
  'no-tenant': 'The identity provider names no tenant that is served here.',
};

const Welcome = () => {
  const { pathname, search } = window.location;
  const isLoginPage = pathname === '/console/login';
  const here = isLoginPage ? '/console/' : pathname + search;
  const reason = isLoginPage ? new URLSearchParams(search).get('reason') : null;
  const fault = reason === null ? undefined : (LOGIN_FAULTS[reason] ?? 'The login came to nothing.');
  return (
    <Center mih="100dvh" px="md" component="main">
      <Stack align="center" gap="md" maw={420} ta="center">
        <img src={gateUrl} alt="" width={48} height={48} />
        <Title order={1}>Sallyport</Title>
        <Text c="dimmed">What your agents did, may do and wait for. Log in to look.</Text>
        {fault !== undefined && (
          <Alert color="yellow" variant="outline" role="alert" ta="start" title="Not logged in">
            {fault}
          </Alert>
        )}
        <Button component="a" href={loginAddress(here)} leftSection={<IconLogin2 size={18} stroke={1.5} />}>
          Log in
        </Button>
      </Stack>
    </Center>
  );
};
