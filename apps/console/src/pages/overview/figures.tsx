import type { Overview } from '@sallyport/contracts';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Count } from '../../components/count.js';
import { durationText } from '../../components/duration.js';
import { moneyText } from '../../components/money.js';
import type { Tone } from '../../components/status-badge.js';
import classes from './overview.module.css';

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((part / whole) * 100).toFixed(1)} %`);

/** The numbers at the top: how much, how many said no, how fast, how dear, what waits for people. */
export const Figures = ({ overview }: { readonly overview: Overview }) => {
  const { calls, refused, failed, latency, spend, waiting, inDoubt, from, to } = overview;
  const minutes = Math.max(1, (Date.parse(to) - Date.parse(from)) / 60_000);
  return (
    <dl className={classes.figures}>
      <Figure name="Calls" beside={`${(calls / minutes).toFixed(1)} a minute`}>
        <Link to="/calls">
          <Count of={calls} />
        </Link>
      </Figure>
      <Figure name="Refused" beside={percent(refused, calls)} tone={refused > 0 ? 'bad' : undefined}>
        <Link to="/calls?outcome=refused">
          <Count of={refused} />
        </Link>
      </Figure>
      <Figure name="Failed" beside={percent(failed, calls)} tone={failed > 0 ? 'bad' : undefined}>
        <Link to="/calls?outcome=failed">
          <Count of={failed} />
        </Link>
      </Figure>
      <Figure name="Median latency" beside={latency === null ? 'nothing to measure' : `95 %: ${durationText(latency.p95Micros)}`}>
        {latency === null ? '–' : durationText(latency.p50Micros)}
      </Figure>
      <Figure name="Spent" beside={spend.length > 1 ? spend.slice(1).map(amountText).join(', ') : ' '}>
        {spend[0] === undefined ? '–' : amountText(spend[0])}
      </Figure>
      <Figure name="Waiting for people" beside="now" tone={waiting > 0 ? 'waiting' : undefined}>
        <Link to="/approvals">
          <Count of={waiting} />
        </Link>
      </Figure>
      <Figure name="In doubt" beside="now" tone={inDoubt > 0 ? 'doubt' : undefined}>
        <Link to="/calls?outcome=in-doubt">
          <Count of={inDoubt} />
        </Link>
      </Figure>
    </dl>
  );
};

const amountText = ({ amountMicros, currency }: Overview['spend'][number]): string => moneyText(amountMicros, currency);

interface FigureProps {
  readonly name: string;
  readonly beside: ReactNode;
  readonly tone?: Tone | undefined;
  readonly children: ReactNode;
}

const Figure = ({ name, beside, tone, children }: FigureProps) => (
  <div className={classes.figure}>
    <dt>{name}</dt>
    <dd className={classes.number} data-tone={tone}>
      {children}
    </dd>
    <dd className={classes.beside}>{beside}</dd>
  </div>
);
