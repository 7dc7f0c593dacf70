import { Button } from '@mantine/core';
import { isRouteErrorResponse, Link, useRouteError } from 'react-router';
import { PageFrame } from '../components/page-frame.js';
import { Empty, ErrorState } from '../components/states.js';

/** An address of the console where nothing is. */
export const NotFound = () => (
  <PageFrame title="Not found">
    <Empty title="There is no such page">
      <Button component={Link} to="/" variant="default" mt="sm">
        Overview
      </Button>
    </Empty>
  </PageFrame>
);

/** A page that failed, or whose code could not be loaded: after a release the old code is gone, and a reload brings the new. */
export const PageFault = () => {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  return (
    <PageFrame title="Fault">
      <ErrorState error={error} onRetry={() => window.location.reload()} />
    </PageFrame>
  );
};
