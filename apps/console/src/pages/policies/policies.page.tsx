import { Button, Tabs } from '@mantine/core';
import { PoliciesInForce } from '@sallyport/contracts';
import { IconFlask } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { PolicyFileList } from './policy-file-list.js';
import { PolicyHistory } from './policy-history.js';
import { PolicyTests } from './policy-tests.js';
import { RuleList } from './rule-list.js';

const HASH_SHOWN = 19;
const VIEWS = ['rules', 'files', 'tests', 'history'] as const;

/** The rules that decide now: their text, their tests, and how they came to be. */
export const Component = () => {
  const [address, setAddress] = useSearchParams();
  const view = VIEWS.find((name) => name === address.get('view')) ?? 'rules';
  const query = useQuery({ queryKey: ['policies'], queryFn: ({ signal }) => read(PoliciesInForce, '/v1/policies', {}, signal) });
  return (
    <PageFrame
      title="Policies"
      about="Nothing is allowed that no rule allows, and a rule that forbids wins."
      actions={
        <Button component={Link} variant="default" leftSection={<IconFlask size={16} stroke={1.5} />} to="/policies/try">
          Try a call
        </Button>
      }
    >
      <QueryView query={query} what="the policies">
        {({ policies, files, policySetHash, engine, lastChange }) => (
          <>
            <p>
              In force: <Mono text={policySetHash} first={HASH_SHOWN} copy="policy set hash" /> ({engine})
              {lastChange !== null && (
                <>
                  , since <Instant at={lastChange.changedAt} /> by <ForeignText text={lastChange.changedBy} />:{' '}
                  <ForeignText text={lastChange.why} />
                </>
              )}
            </p>
            <Tabs value={view} onChange={(next) => setAddress(next === null || next === 'rules' ? {} : { view: next })} keepMounted={false}>
              <Tabs.List mb="md">
                <Tabs.Tab value="rules">Rules</Tabs.Tab>
                <Tabs.Tab value="files">Files</Tabs.Tab>
                <Tabs.Tab value="tests">Tests</Tabs.Tab>
                <Tabs.Tab value="history">History</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="rules">
                <RuleList policies={policies} />
              </Tabs.Panel>
              <Tabs.Panel value="files">
                <PolicyFileList files={files} />
              </Tabs.Panel>
              <Tabs.Panel value="tests">
                <PolicyTests files={files} lastChange={lastChange} />
              </Tabs.Panel>
              <Tabs.Panel value="history">
                <PolicyHistory />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </QueryView>
    </PageFrame>
  );
};
