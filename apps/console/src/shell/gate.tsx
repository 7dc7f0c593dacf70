import { Button, Center, Container, Stack, Text, Title } from '@mantine/core';
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
      <Container size="sm" py="xl">
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

const Welcome = () => {
  const here = window.location.pathname + window.location.search;
  return (
    <Center mih="100dvh" px="md" component="main">
      <Stack align="center" gap="md" maw={420} ta="center">
        <img src={gateUrl} alt="" width={48} height={48} />
        <Title order={1}>Sallyport</Title>
        <Text c="dimmed">What your agents did, may do and wait for. Log in to look.</Text>
        <Button component="a" href={loginAddress(here)} leftSection={<IconLogin2 size={18} stroke={1.5} />}>
          Log in
        </Button>
      </Stack>
    </Center>
  );
};
