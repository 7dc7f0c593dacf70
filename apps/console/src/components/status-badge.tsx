import {
  IconAlertTriangle,
  IconBan,
  IconCheck,
  IconCircleDashed,
  IconClock,
  IconEye,
  IconHelpCircle,
  IconPlayerPause,
  IconX,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import classes from './status-badge.module.css';

/** What a status means, which is all that colour says here; the icon and the word say it too. */
export type Tone = 'good' | 'bad' | 'waiting' | 'doubt' | 'quiet';

type Icon = ComponentType<{
  readonly size?: number;
  readonly stroke?: number;
  readonly className?: string;
  readonly 'aria-hidden'?: boolean;
}>;

/** The statuses of the product and what they mean. One that is not here is shown quietly, by its own name. */
const STATUSES: Readonly<Record<string, readonly [tone: Tone, icon: Icon, label?: string]>> = {
  // Decisions
  allow: ['good', IconCheck],
  deny: ['bad', IconBan],
  'require-approval': ['waiting', IconPlayerPause, 'asks people'],
  none: ['quiet', IconCircleDashed],
  // Outcomes of calls
  completed: ['good', IconCheck],
  pending: ['quiet', IconClock],
  waiting: ['waiting', IconPlayerPause],
  'input-required': ['waiting', IconHelpCircle, 'asks back'],
  'tool-error': ['bad', IconAlertTriangle, 'tool error'],
  failed: ['bad', IconX],
  refused: ['bad', IconBan],
  cancelled: ['quiet', IconX],
  planned: ['quiet', IconEye],
  abandoned: ['quiet', IconX],
  'in-doubt': ['doubt', IconHelpCircle, 'in doubt'],
  // Approvals
  granted: ['good', IconCheck],
  used: ['good', IconCheck],
  rejected: ['bad', IconBan],
  expired: ['quiet', IconClock],
  withdrawn: ['quiet', IconX],
  // Health and the rest
  up: ['good', IconCheck],
  ready: ['good', IconCheck],
  ok: ['good', IconCheck],
  down: ['bad', IconX],
  open: ['bad', IconX],
  'half-open': ['waiting', IconClock, 'half open'],
  closed: ['good', IconCheck],
  active: ['good', IconCheck],
  draft: ['quiet', IconCircleDashed],
  deprecated: ['waiting', IconAlertTriangle],
  retired: ['quiet', IconX],
};

export interface StatusBadgeProps {
  /** One of the words of the product: `allow`, `in-doubt`, `half-open`. */
  readonly status: string;
  /** Instead of what the table says. */
  readonly tone?: Tone;
  readonly label?: string;
}

/** A status as a word with its icon and colour. */
export const StatusBadge = ({ status, tone, label }: StatusBadgeProps) => {
  const [knownTone, Known, knownLabel] = STATUSES[status] ?? (['quiet', IconCircleDashed] as const);
  return (
    <span className={classes.badge} data-tone={tone ?? knownTone}>
      <Known size={14} stroke={2} className={classes.icon} aria-hidden />
      {label ?? knownLabel ?? status}
    </span>
  );
};
