import { Anchor, Stack, Tabs, Title } from '@mantine/core';
import { PolicyVersion } from '@sallyport/contracts';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearchParams } from 'react-router';
import { read } from '../../api/client.js';
import { Facts } from '../../components/facts.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Mono } from '../../components/mono.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { StatusBadge } from '../../components/status-badge.js';
import { LineDiff } from '../../components/text-diff.js';
import { PolicyFileList } from './policy-file-list.js';
import { RuleList } from './rule-list.js';

const HASH_SHOWN = 19;
const VIEWS = ['rules', 'changes', 'files'] as const;

/** A policy set as it was: by the hash that a decision carries, or by its number. */
export const Component = () => {
  const { version = '' } = useParams();
  const [address, setAddress] = useSearchParams();
  const view = VIEWS.find((name) => name === address.get('view')) ?? (address.has('rule') ? 'rules' : 'changes');
  const query = useQuery({
    queryKey: ['policies', 'version', version],
    queryFn: ({ signal }) => read(PolicyVersion, `/v1/policies/${encodeURIComponent(version)}`, {}, signal),
  });
  return (
    <PageFrame
      title="Policy set as it was"
      about={
        <Anchor component={Link} size="sm" to="/policies?view=history">
          History of the policies
        </Anchor>
      }
    >
      <QueryView query={query} what="the policy set">
        {(shown) => (
          <Stack gap="lg">
            <Facts
              facts={[
                {
                  name: 'State',
                  value: shown.inForce ? (
                    <StatusBadge status="active" label="in force" />
                  ) : (
                    <StatusBadge status="retired" label="replaced" />
                  ),
                },
                { name: 'In force since', value: <Instant at={shown.changedAt} /> },
                { name: 'By', value: <ForeignText text={shown.changedBy} /> },
                { name: 'Why', value: <ForeignText text={shown.why} /> },
                { name: 'Policy set', value: <Mono text={shown.policySetHash} first={HASH_SHOWN} copy="policy set hash" /> },
              ]}
            />
            <Tabs value={view} onChange={(next) => setAddress(next === null ? {} : { view: next })} keepMounted={false}>
              <Tabs.List mb="md">
                <Tabs.Tab value="changes">What it changed</Tabs.Tab>
                <Tabs.Tab value="rules">Rules</Tabs.Tab>
                <Tabs.Tab value="files">Files</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="changes">
                <Changes shown={shown} />
              </Tabs.Panel>
              <Tabs.Panel value="rules">
                <RuleList policies={shown.policies} />
              </Tabs.Panel>
              <Tabs.Panel value="files">
                <PolicyFileList files={shown.files} />
              </Tabs.Panel>
            </Tabs>
          </Stack>
        )}
      </QueryView>
    </PageFrame>
  );
};

/** This set held against the one before it, file by file. */
const Changes = ({ shown }: { readonly shown: PolicyVersion }) => {
  const epoch = shown.before?.epoch;
  const query = useQuery({
    queryKey: ['policies', 'version', String(epoch)],
    queryFn: ({ signal }) => read(PolicyVersion, `/v1/policies/${epoch}`, {}, signal),
    enabled: epoch !== undefined,
  });
  if (epoch === undefined) return <p>It was the first: there is nothing that it changed.</p>;
  return (
    <QueryView query={query} what="the policy set before">
      {({ files }) => {
        const names = [...new Set([...Object.keys(files), ...Object.keys(shown.files)])].sort();
        const changed = names.filter((file) => files[file] !== shown.files[file]);
        if (changed.length === 0)
          return <p>No file differs from the set before: who may do what at most was changed, in the configuration.</p>;
        return (
          <Stack gap="md">
            {changed.map((file) => (
              <div key={file}>
                <Title order={2} size="h5" mb={4}>
                  <ForeignText text={file} />
                  {files[file] === undefined && ' (new)'}
                  {shown.files[file] === undefined && ' (gone)'}
                </Title>
                <LineDiff label={file} before={files[file] ?? ''} after={shown.files[file] ?? ''} />
              </div>
            ))}
          </Stack>
        );
      }}
    </QueryView>
  );
};
