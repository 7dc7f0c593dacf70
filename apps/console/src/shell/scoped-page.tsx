import type { ComponentType } from 'react';
import { useSession } from '../api/session.js';
import { PageFrame } from '../components/page-frame.js';
import { NoPermission } from '../components/states.js';

export interface ScopedPageProps {
  readonly title: string;
  readonly scope: string | undefined;
  readonly page: ComponentType;
}

/** A page, or that it is not this person's. The server decides each request again. */
export const ScopedPage = ({ title, scope, page: Component }: ScopedPageProps) => {
  const { scopes } = useSession();
  if (scope === undefined || scopes.includes(scope)) return <Component />;
  return (
    <PageFrame title={title}>
      <NoPermission scope={scope} />
    </PageFrame>
  );
};
