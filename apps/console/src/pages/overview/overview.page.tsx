import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { Charts } from './charts.js';
import { Figures } from './figures.js';
import { Governance } from './governance.js';
import { Health } from './health.js';
import { LiveCalls } from './live-calls.js';
import classes from './overview.module.css';
import { type OverviewWindow, overviewQuery, WINDOWS, windowText } from './overview-query.js';
import { Refusals } from './refusals.js';

/** What happens now, and how it stands. */
export const Component = () => {
  const [parameters, setParameters] = useSearchParams();
  const asked = parameters.get('window');
  const window: OverviewWindow = WINDOWS.find((one) => one === asked) ?? '1h';
  const query = useQuery(overviewQuery(window));
  return (
    <PageFrame
      title="Overview"
      about={`Calls of tools in the last ${windowText(window)}`}
      actions={
        <SegmentedControl
          size="xs"
          aria-label="How far back"
          data={[...WINDOWS]}
          value={window}
          onChange={(value) => setParameters({ window: value }, { replace: true })}
        />
      }
    >
      <div className={classes.page}>
        <QueryView query={query} what="the overview">
          {(overview) => (
            <>
              <Figures overview={overview} />
              <Charts overview={overview} />
            </>
          )}
        </QueryView>
        <div className={classes.columns}>
          <LiveCalls />
          <div className={classes.side}>
            <Health />
            {query.data !== undefined && <Governance overview={query.data} window={window} />}
            {query.data !== undefined && <Refusals overview={query.data} />}
          </div>
        </div>
      </div>
    </PageFrame>
  );
};
