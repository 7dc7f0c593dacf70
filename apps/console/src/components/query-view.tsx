import type { ReactNode } from 'react';
import { ErrorState, Loading } from './states.js';

interface QueryLike<Data> {
  readonly data: Data | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

export interface QueryViewProps<Data> {
  readonly query: QueryLike<Data>;
  /** Completes "Loading …". */
  readonly what: string;
  readonly children: (data: Data) => ReactNode;
}

/**
 * What a query has come to: loading, its fault with a way to try again, or its data. A fault that comes later than data stands above it, so
 * that what was there stays readable.
 */
export const QueryView = <Data,>({ query, what, children }: QueryViewProps<Data>) => {
  const { data, error, refetch } = query;
  const fault = error === null || error === undefined ? null : <ErrorState error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return fault ?? <Loading what={what} />;
  return (
    <>
      {fault}
      {children(data)}
    </>
  );
};
