import { Button, Group, Stack, Text } from '@mantine/core';
import { type PolicyChangeNote, type PolicyFiles, PolicyTestRun } from '@sallyport/contracts';
import { useMutation } from '@tanstack/react-query';
import { change } from '../../api/client.js';
import { reportDone, reportFault } from '../../components/action-result.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { ForeignText } from '../../components/foreign-text.js';
import { Instant } from '../../components/instant.js';
import { Empty } from '../../components/states.js';
import { StatusBadge } from '../../components/status-badge.js';

type Result = PolicyTestRun['results'][number];

const COLUMNS: readonly GridColumn<Result>[] = [
  {
    id: 'result',
    header: 'Result',
    width: '7rem',
    cell: ({ passed }) => (passed ? <StatusBadge status="ok" label="passed" /> : <StatusBadge status="failed" />),
    sortBy: ({ passed }) => (passed ? 1 : 0),
  },
  {
    id: 'name',
    header: 'Test',
    primary: true,
    width: 'minmax(16rem, 2fr)',
    cell: ({ name }) => <ForeignText text={name || 'unreadable'} />,
  },
  {
    id: 'differences',
    header: 'What was answered',
    cell: ({ differences }) => <ForeignText text={differences.join('; ') || 'as expected'} />,
  },
  { id: 'file', header: 'File', cell: ({ file }) => <ForeignText text={file} /> },
];

interface PolicyTestsProps {
  readonly files: PolicyFiles;
  readonly lastChange: PolicyChangeNote | null;
}

/** The tests beside the policies: a set with one that fails is never put in force, and they run again on request. */
export const PolicyTests = ({ files, lastChange }: PolicyTestsProps) => {
  const run = useMutation({
    mutationFn: () => change(PolicyTestRun, { method: 'POST', path: '/v1/policies/test' }),
    onSuccess: ({ passed, failed }) =>
      reportDone({ title: `Tests run: ${passed} passed, ${failed} failed`, detail: 'Nothing was changed.' }),
    onError: (error) => reportFault('The tests were not run', error),
  });
  const fileCount = Object.keys(files).filter((file) => file.startsWith('tests/')).length;
  if (fileCount === 0)
    return (
      <Empty title="There are no tests beside these policies">
        They are files below `tests/` of the policy set, and run before it is put in force.
      </Empty>
    );
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Text size="sm" component="div">
          {fileCount} {fileCount === 1 ? 'file' : 'files'} of tests. All passed when the set was put in force
          {lastChange !== null && (
            <>
              , <Instant at={lastChange.changedAt} />
            </>
          )}
          .
        </Text>
        <Button variant="default" loading={run.isPending} onClick={() => run.mutate()}>
          Run them now
        </Button>
      </Group>
      {run.data !== undefined && (
        <>
          <Text size="sm" component="div" role="status">
            {run.data.passed} passed, {run.data.failed} failed, <Instant at={run.data.ranAt} />
            {run.data.hasMore && '. There are more tests than one run does'}.
          </Text>
          <DataGrid
            label="Results of the tests"
            columns={COLUMNS}
            rows={run.data.results}
            rowId={({ file, name, differences }) => `${file} ${name} ${differences[0] ?? ''}`}
            total={run.data.results.length}
          />
        </>
      )}
    </Stack>
  );
};
