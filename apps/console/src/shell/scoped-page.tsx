import type { ComponentType } from 'react';
import { useSession } from '../api/session.js';
import { NoPermission } from '../components/states.js';

/** A page, or that it is not this person's. The server decides each request again. */
export const ScopedPage = ({ scope, page: Component }: { readonly scope: string | undefined; readonly page: ComponentType }) => {
  const { scopes } = useSession();
  return scope === undefined || scopes.includes(scope) ? <Component /> : <NoPermission scope={scope} />;
};
