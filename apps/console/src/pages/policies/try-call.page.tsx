import { Button, Card, Checkbox, Group, SegmentedControl, Select, SimpleGrid, Stack, Text, Textarea } from '@mantine/core';
import { type CatalogTool, InvokePlan, type Json, PlanChoices } from '@sallyport/contracts';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import { change, read } from '../../api/client.js';
import { useSession } from '../../api/session.js';
import { reportDone, reportFault } from '../../components/action-result.js';
import { ForeignText } from '../../components/foreign-text.js';
import { PageFrame } from '../../components/page-frame.js';
import { QueryView } from '../../components/query-view.js';
import { ErrorState } from '../../components/states.js';
import { ToolSelect, useTool } from '../catalog/tool-select.js';
import { fieldsOf, objectIn } from './argument-fields.js';
import { ArgumentForm } from './argument-form.js';
import { PlanResult } from './plan-result.js';

type Arguments = Readonly<Record<string, Json>>;

/** What would happen if an agent made this call: decided as the call would be, and never made. */
export const Component = () => {
  const [address, setAddress] = useSearchParams();
  const tool = address.get('tool');
  const record = useTool(tool);
  const choices = useQuery({ queryKey: ['plan', 'choices'], queryFn: ({ signal }) => read(PlanChoices, '/v1/plan', {}, signal) });
  const set = (name: string, value: string | null): void =>
    setAddress(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === null) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return (
    <PageFrame
      title="Try a call"
      about="What would happen if an agent made this call now. It is decided and on record as a plan, and never made."
    >
      <QueryView query={choices} what="your agents">
        {({ agents }) => (
          <Stack gap="lg">
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Select
                label="Agent"
                description="Who would act for you: an agent that was granted to you"
                data={agents.map(({ agent }) => agent)}
                value={address.get('agent')}
                placeholder="Nobody: you yourself"
                searchable
                clearable
                onChange={(agent) => set('agent', agent)}
              />
              <ToolSelect label="Tool" description="As server/tool" value={tool} onChange={(next) => set('tool', next)} />
            </SimpleGrid>
            {tool !== null && (
              <QueryView query={record} what="the tool">
                {(found) => <Trial key={found.id} tool={found} agent={address.get('agent')} />}
              </QueryView>
            )}
          </Stack>
        )}
      </QueryView>
    </PageFrame>
  );
};

const Trial = ({ tool, agent }: { readonly tool: CatalogTool; readonly agent: string | null }) => {
  const { subject } = useSession();
  const fields = fieldsOf(tool.definition);
  const [asJson, setAsJson] = useState(fields === null);
  const [args, setArgs] = useState<Arguments>({});
  const [text, setText] = useState('{}');
  const [dryRun, setDryRun] = useState(false);
  const wanted = asJson ? objectIn(text) : args;
  const plan = useMutation({
    mutationFn: () =>
      change(InvokePlan, {
        method: 'POST',
        path: '/v1/plan',
        body: { tool: tool.id, arguments: wanted ?? {}, dryRun, ...(agent === null ? {} : { agent }) },
      }),
    onSuccess: () => reportDone({ title: `Planned: ${tool.id}`, detail: 'It is on record as a plan. Nothing was carried out.' }),
    onError: (error) => reportFault('Not planned', error),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    plan.mutate();
  };
  const switchTo = (next: boolean): void => {
    if (next) setText(JSON.stringify(args, null, 2));
    else setArgs(objectIn(text) ?? {});
    setAsJson(next);
  };
  return (
    <Stack gap="lg">
      <Card withBorder component="form" onSubmit={submit} noValidate>
        <Stack gap="md">
          <Text size="sm">
            <ForeignText text={subject} /> {agent !== null && 'via '}
            {agent !== null && <ForeignText text={agent} />} calls <ForeignText text={tool.id} />
          </Text>
          {fields !== null && (
            <SegmentedControl
              aria-label="How to give the arguments"
              value={asJson ? 'json' : 'form'}
              data={[
                { value: 'form', label: 'Form' },
                { value: 'json', label: 'JSON' },
              ]}
              onChange={(next) => switchTo(next === 'json')}
            />
          )}
          {asJson || fields === null ? (
            <Textarea
              label="Arguments as JSON"
              autosize
              minRows={4}
              maxRows={20}
              value={text}
              error={wanted === null ? 'This is not a JSON object yet' : null}
              onChange={(event) => setText(event.currentTarget.value)}
            />
          ) : (
            <ArgumentForm fields={fields} value={args} onChange={setArgs} />
          )}
          {typeof tool.dryRunArgument === 'string' && (
            <Checkbox
              label="Ask the tool what it would do"
              description="Sends it a dry run, where the call itself would go out"
              checked={dryRun}
              onChange={(event) => setDryRun(event.currentTarget.checked)}
            />
          )}
          <Group>
            <Button type="submit" loading={plan.isPending} disabled={wanted === null}>
              See what would happen
            </Button>
          </Group>
        </Stack>
      </Card>
      {plan.error !== null && <ErrorState error={plan.error} />}
      {plan.data !== undefined && <PlanResult planned={plan.data} />}
    </Stack>
  );
};
