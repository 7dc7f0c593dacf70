import { Table } from '@mantine/core';
import type { CallSpan, CallStage } from '@sallyport/contracts';
import { Duration } from '../../components/duration.js';
import classes from './waterfall.module.css';

const STAGES: Readonly<Record<CallStage, readonly [label: string, about: string]>> = {
  receive: ['Receive', 'authenticated, parsed and scanned at the gateway'],
  queue: ['Queue', 'until the decision point took the question'],
  decide: ['Decide', 'policies evaluated'],
  hold: ['Hold', 'until the accountant answered, at the same time'],
  people: ['People', 'parked for an approval'],
  dispatch: ['Dispatch', 'from the last answer to the bytes going out'],
  upstream: ['Upstream', 'the tool at work, its answer inspected as it comes'],
  book: ['Book', 'until the price was settled; nobody waited for it'],
};

/** Where the time of a call went: a table, whose bars are for the eye alone. */
export const Waterfall = ({ spans }: { readonly spans: readonly CallSpan[] }) => {
  const end = Math.max(1, ...spans.map(({ startMicros, durationMicros }) => startMicros + durationMicros));
  return (
    <div className={classes.scroller}>
      <Table className={classes.table} verticalSpacing={4} horizontalSpacing="xs" aria-label="Where the time went">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Stage</Table.Th>
            <Table.Th scope="col" className={classes.figure}>
              From
            </Table.Th>
            <Table.Th scope="col" className={classes.figure}>
              Took
            </Table.Th>
            <Table.Td className={classes.track} aria-hidden />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {spans.map(({ stage, startMicros, durationMicros, eventId }) => (
            <Table.Tr key={`${stage} ${startMicros} ${eventId}`}>
              <Table.Th scope="row" className={classes.stage} title={STAGES[stage][1]}>
                {STAGES[stage][0]}
              </Table.Th>
              <Table.Td className={classes.figure}>
                <Duration micros={startMicros} />
              </Table.Td>
              <Table.Td className={classes.figure}>
                <Duration micros={durationMicros} />
              </Table.Td>
              <Table.Td className={classes.track} aria-hidden>
                <div
                  className={classes.bar}
                  data-stage={stage}
                  style={{ insetInlineStart: `${(startMicros / end) * 100}%`, inlineSize: `${(durationMicros / end) * 100}%` }}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
};
