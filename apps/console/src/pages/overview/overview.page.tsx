import { PageFrame } from '../../components/page-frame.js';
import { LiveCalls } from './live-calls.js';

/** What happens now, and how it stands. */
export const Component = () => (
  <PageFrame title="Overview">
    <LiveCalls />
  </PageFrame>
);
