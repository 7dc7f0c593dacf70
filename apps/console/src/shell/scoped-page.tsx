import type { ComponentType } from 'react';
import { useSession } from '../api/session.js';
import { PageFrame } from '../components/page-frame.js';
import { NoPermission } from '../components/states.js';

export interface ScopedPageProps {
  readonly title: string;
  /** One, or any one of several. */
  readonly scope: string | readonly string[] | undefined;
  readonly page: ComponentType;
}

/** A page, or that it is not this person's. The server decides each request again. */
export const ScopedPage = ({ title, scope, page: Component }: ScopedPageProps) => {
  const { scopes } = useSession();
  const [first, ...others] = [scope ?? []].flat();
  if (first === undefined || [first, ...others].some((one) => scopes.includes(one))) return <Component />;
  return (
    <PageFrame title={title}>
      <NoPermission scope={first} />
    </PageFrame>
  );
};
