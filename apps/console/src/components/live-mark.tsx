import type { LiveStatus } from '../live/live-events.js';
import { StatusBadge, type Tone } from './status-badge.js';

const SHOWN: Readonly<Record<LiveStatus['is'], readonly [label: string, tone: Tone]>> = {
  connecting: ['connecting', 'quiet'],
  open: ['live', 'good'],
  paused: ['paused', 'waiting'],
  waiting: ['connection lost, trying again', 'waiting'],
  refused: ['not live', 'bad'],
};

/** Whether what is shown is live. */
export const LiveMark = ({ status }: { readonly status: LiveStatus }) => {
  const [label, tone] = SHOWN[status.is];
  return (
    <span role="status" title={status.is === 'refused' ? status.fault.message : undefined}>
      <StatusBadge status={label} tone={tone} />
    </span>
  );
};
