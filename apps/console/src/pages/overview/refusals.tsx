import { Tooltip } from '@mantine/core';
import type { Overview } from '@sallyport/contracts';
import { summaryOfCode } from '../../api/api-fault.js';
import { Count } from '../../components/count.js';
import { Mono } from '../../components/mono.js';
import { Section } from '../../components/section.js';
import { Empty } from '../../components/states.js';
import classes from './refusals.module.css';

const SHOWN_MAX = 6;

/** Why calls were refused, the most frequent first. */
export const Refusals = ({ overview: { refusals } }: { readonly overview: Overview }) => (
  <Section title="Refusals">
    {refusals.length === 0 ? (
      <Empty title="Nothing was refused" />
    ) : (
      <dl className={classes.refusals}>
        {refusals.slice(0, SHOWN_MAX).map(({ code, calls }) => (
          <div key={code} className={classes.refusal}>
            <Tooltip label={summaryOfCode(code)} multiline maw={320}>
              <dt>
                <Mono text={code} />
              </dt>
            </Tooltip>
            <dd>
              <Count of={calls} />
            </dd>
          </div>
        ))}
      </dl>
    )}
  </Section>
);
