import { Accordion } from '@mantine/core';
import type { PolicyFiles } from '@sallyport/contracts';
import { ForeignText } from '../../components/foreign-text.js';

/** The files of a set, as they were put in force. */
export const PolicyFileList = ({ files }: { readonly files: PolicyFiles }) => (
  <Accordion variant="separated" multiple chevronPosition="left">
    {Object.entries(files)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([file, text]) => (
        <Accordion.Item key={file} value={file}>
          <Accordion.Control>
            <ForeignText text={file} />
          </Accordion.Control>
          <Accordion.Panel>
            <ForeignText text={text} block />
          </Accordion.Panel>
        </Accordion.Item>
      ))}
  </Accordion>
);
