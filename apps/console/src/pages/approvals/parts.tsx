import { Anchor } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useSession } from '../../api/session.js';
import { Mono } from '../../components/mono.js';
import classes from './approvals.module.css';

/** The name of a request in the cache. */
export const approvalKey = (approvalId: string) => ['approval', approvalId] as const;

/** A part of the request with its heading. */
export const Part = ({ title, children }: { readonly title: string; readonly children: ReactNode }) => (
  <section className={classes.part} aria-label={title}>
    <h3>{title}</h3>
    {children}
  </section>
);

/** A call by its id, which leads to its page for who may read the record. */
export const CallLink = ({ callId }: { readonly callId: string }) => {
  const { scopes } = useSession();
  if (!scopes.includes('sallyport:audit')) return <Mono text={callId} first={13} copy="call id" />;
  return (
    <Anchor component={Link} to={`/calls/${encodeURIComponent(callId)}`} size="sm">
      <Mono text={callId} first={13} />
      <IconArrowRight size={12} aria-hidden />
    </Anchor>
  );
};
