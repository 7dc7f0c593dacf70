import type { Overview } from '@sallyport/contracts';
import { durationText } from '../../components/duration.js';
import { Facts } from '../../components/facts.js';
import { Section } from '../../components/section.js';
import { type OverviewWindow, windowText } from './overview-query.js';

/** The four numbers that say how well the tools are governed. */
export const Governance = ({ overview, window }: { readonly overview: Overview; readonly window: OverviewWindow }) => {
  const { servers, explicit, exceptions, investigations } = overview.governance;
  const through = exceptions.approved + exceptions.chainsCleared + exceptions.unmasked + exceptions.settledByHand;
  return (
    <Section title="Governance">
      <Facts
        facts={[
          { name: 'Servers with owner and tier', value: `${servers.withOwnerAndTier} of ${servers.total}` },
          { name: 'Calls under explicit policy', value: explicit.decided === 0 ? '–' : `${explicit.byRule} of ${explicit.decided}` },
          { name: `Exceptions, last ${windowText(window)}`, value: String(through) },
          {
            name: 'Time to investigate',
            value:
              investigations.medianSeconds === null
                ? `–${investigations.open > 0 ? `, ${investigations.open} open` : ''}`
                : `${durationText(investigations.medianSeconds * 1_000_000)}${investigations.open > 0 ? `, ${investigations.open} open` : ''}`,
          },
        ]}
      />
    </Section>
  );
};
