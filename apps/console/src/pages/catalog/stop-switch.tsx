import { Button, Text } from '@mantine/core';
import { Control, ControlList } from '@sallyport/contracts';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { change, read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { reportDone } from '../../components/action-result.js';
import { Confirm } from '../../components/confirm.js';
import { ForeignText } from '../../components/foreign-text.js';

interface StopSwitchProps {
  readonly control: 'tool' | 'server' | 'agent';
  /** `server/tool`, `server`, `agent:<id>`. */
  readonly value: string;
}

const CONTROLS_KEY = ['controls'];

/** Stops a tool, a server or an agent, or lets it go on; with a reason, which goes on record. Nothing is shown to who may not. */
export const StopSwitch = ({ control, value }: StopSwitchProps) => {
  const { scopes } = useSession();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const query = useQuery({ queryKey: CONTROLS_KEY, queryFn: ({ signal }) => read(ControlList, '/v1/controls', {}, signal) });
  const standing = query.data?.controls.find((one) => one.control === control && one.value === value);
  const isStopped = standing?.active === true;
  if (!scopes.includes('sallyport:operate') || query.data === undefined) return null;
  const set = async (why: string): Promise<void> => {
    await change(Control, { method: 'PUT', path: '/v1/controls', body: { control, value, active: !isStopped, why } });
    await queries.invalidateQueries();
    reportDone(
      isStopped
        ? { title: `Let go on: calls of ${value} are decided by policy again` }
        : { title: `Stopped: no call of ${value} goes out`, detail: 'It was in force before this was said.' },
    );
  };
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>
        {isStopped ? `Let the ${control} go on` : `Stop the ${control}`}
      </Button>
      <Confirm
        opened={asking}
        onClose={() => setAsking(false)}
        title={isStopped ? 'Let it go on?' : 'Stop it?'}
        confirmLabel={isStopped ? 'Let it go on' : 'Stop it'}
        dangerous={!isStopped}
        reason={{ label: 'Why', required: true, maxLength: 1024 }}
        onConfirm={set}
      >
        <Text size="sm">
          {isStopped ? 'Calls of it are decided by policy again: ' : 'From then on no byte goes out for any call of it: '}
          <ForeignText text={value} />
        </Text>
        {isStopped && standing !== undefined && (
          <Text size="sm" c="dimmed">
            Stopped by <ForeignText text={standing.changedBy} />: <ForeignText text={standing.why} />
          </Text>
        )}
      </Confirm>
    </>
  );
};
