import { Alert, Anchor, Button, Center, Code, Group, Loader, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconInbox, IconLock, IconMoodEmpty, IconPlugConnectedX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { ApiFault } from '../api/api-fault.js';
import { ForeignText } from './foreign-text.js';

/** Something is on its way. Said to screen readers; `what` completes "Loading …". */
export const Loading = ({ what }: { readonly what: string }) => (
  <Center py="xl" role="status" aria-label={`Loading ${what}`}>
    <Loader size="sm" type="dots" aria-hidden />
  </Center>
);

/** Nothing is there, why that may be, and what one can do. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ReactNode }) => (
  <Center py="xl" px="md">
    <Stack gap={4} align="center" maw={440} ta="center">
      <IconInbox size={28} stroke={1.25} color="var(--console-quiet)" aria-hidden />
      <Text fw={600}>{title}</Text>
      {children !== undefined && (
        <Text size="sm" c="dimmed" component="div">
          {children}
        </Text>
      )}
    </Stack>
  </Center>
);

/** The person may not see this; which scope it takes where that is known. */
export const NoPermission = ({ scope }: { readonly scope?: string }) => (
  <Center py="xl" px="md">
    <Stack gap={4} align="center" maw={440} ta="center" role="status">
      <IconLock size={28} stroke={1.25} color="var(--console-quiet)" aria-hidden />
      <Text fw={600}>This is not yours to see</Text>
      <Text size="sm" c="dimmed">
        {scope === undefined ? (
          'Your roles do not include it.'
        ) : (
          <>It takes the scope {<Code>{scope}</Code>}, which your roles do not include.</>
        )}{' '}
        Who runs Sallyport for you can change that.
      </Text>
    </Stack>
  </Center>
);

/** What went wrong: the code, what is said of it, whether trying again may help, and the page about it. */
export const ErrorState = ({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) => {
  if (!(error instanceof ApiFault))
    return <Failure code="console.fault" summary="The console itself failed. Reload the page." onRetry={onRetry} />;
  if (error.kind === 'no-permission')
    return <NoPermission scope={typeof error.detail.scope === 'string' ? error.detail.scope : undefined} />;
  if (error.kind === 'not-found')
    return (
      <Center py="xl" px="md">
        <Stack gap={4} align="center" maw={440} ta="center" role="status">
          <IconMoodEmpty size={28} stroke={1.25} color="var(--console-quiet)" aria-hidden />
          <Text fw={600}>There is no such thing here</Text>
          <Text size="sm" c="dimmed">
            It never was, is gone, or belongs to another tenant.
          </Text>
        </Stack>
      </Center>
    );
  return (
    <Failure
      code={error.code}
      summary={error.message}
      docs={error.docs}
      callId={error.callId}
      offline={error.kind === 'offline'}
      onRetry={onRetry}
    />
  );
};

interface FailureProps {
  readonly code: string;
  readonly summary: string;
  readonly docs?: string | null;
  readonly callId?: string | null;
  readonly offline?: boolean;
  readonly onRetry?: (() => void) | undefined;
}

const Failure = ({ code, summary, docs, callId, offline = false, onRetry }: FailureProps) => (
  <Alert
    role="alert"
    variant="outline"
    color={offline ? 'yellow' : 'red'}
    icon={offline ? <IconPlugConnectedX size={18} /> : <IconAlertTriangle size={18} />}
    title={<ForeignText text={summary} />}
  >
    <Group gap="md" align="center">
      <Code>
        <ForeignText text={code} />
      </Code>
      {typeof callId === 'string' && (
        <Text size="sm">
          Call <Code>{callId}</Code>
        </Text>
      )}
      {typeof docs === 'string' && (
        <Anchor size="sm" href={docs} target="_blank" rel="noopener noreferrer">
          What this means
        </Anchor>
      )}
      {onRetry !== undefined && (
        <Button size="compact-sm" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Group>
  </Alert>
);
