import { Skeleton } from '@mantine/core';
import type { Overview } from '@sallyport/contracts';
import { lazy, Suspense } from 'react';
import { durationText } from '../../components/duration.js';
import { Section } from '../../components/section.js';
import classes from './overview.module.css';

const HEIGHT_PX = 160;
const CallsChart = lazy(() => import('./overview-charts.js').then(({ CallsChart: chart }) => ({ default: chart })));
const LatencyChart = lazy(() => import('./overview-charts.js').then(({ LatencyChart: chart }) => ({ default: chart })));

/** Calls and latency over the window. What a chart says is also said in words, for who does not see it. */
export const Charts = ({ overview }: { readonly overview: Overview }) => {
  const { calls, completed, refused, failed, latency } = overview;
  return (
    <div className={classes.charts}>
      <Section title="Calls">
        <div role="img" aria-label={`${calls} calls: ${completed} completed, ${refused} refused, ${failed} failed`}>
          <Suspense fallback={<Skeleton height={HEIGHT_PX} />}>
            <CallsChart overview={overview} height={HEIGHT_PX} />
          </Suspense>
        </div>
      </Section>
      <Section title="Latency">
        <div
          role="img"
          aria-label={
            latency === null
              ? 'No latency to show'
              : `Half of calls within ${durationText(latency.p50Micros)}, 95 % within ${durationText(latency.p95Micros)}`
          }
        >
          <Suspense fallback={<Skeleton height={HEIGHT_PX} />}>
            <LatencyChart overview={overview} height={HEIGHT_PX} />
          </Suspense>
        </div>
      </Section>
    </div>
  );
};
