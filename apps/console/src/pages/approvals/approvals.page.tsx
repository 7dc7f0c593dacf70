import { Alert, Button, Group, SegmentedControl, TextInput } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconArrowLeft } from '@tabler/icons-react';
import { useMemo } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { LiveMark } from '../../components/live-mark.js';
import { PageFrame } from '../../components/page-frame.js';
import { ErrorState, Loading } from '../../components/states.js';
import { useShortcuts } from '../../shell/shortcuts.js';
import { ApprovalPane } from './approval-pane.js';
import classes from './approvals.module.css';
import { BOXES, type Box, isBox, useInbox } from './inbox.js';
import { RequestList } from './request-list.js';

const FILTERS = [
  ['subject', 'Person', 'user:ada'],
  ['agent', 'Agent', 'agent:writer'],
  ['tool', 'Tool', 'fs/move_file'],
] as const;

/** The inbox of an approver: a list, and beside it what is asked; on a narrow screen one after the other. */
export const Component = () => {
  const { approvalId } = useParams();
  const navigate = useNavigate();
  const [search, setSearch] = useSearchParams();
  const isWide = useMediaQuery('(min-width: 62em)', true, { getInitialValueInEffect: false });
  const named = search.get('box');
  const box: Box = isBox(named) ? named : 'waiting';
  const [subject, agent, tool] = [search.get('subject') ?? '', search.get('agent') ?? '', search.get('tool') ?? ''];
  const filters = useMemo(() => ({ subject, agent, tool }), [subject, agent, tool]);
  const inbox = useInbox(box, filters);

  const shownId = approvalId ?? (isWide ? inbox.rows[0]?.approvalId : undefined);
  const place = inbox.rows.findIndex((one) => one.approvalId === shownId);
  const query = search.size === 0 ? '' : `?${search}`;
  const toId = (id: string): string => `/approvals/${encodeURIComponent(id)}${query}`;
  const step = (by: 1 | -1): void => {
    const next = inbox.rows[place < 0 ? 0 : place + by];
    if (next !== undefined) void navigate(toId(next.approvalId));
  };
  const set = (name: string, value: string): void => {
    const next = new URLSearchParams(search);
    if (value === '') next.delete(name);
    else next.set(name, value);
    void navigate({ pathname: '/approvals', search: String(next) }, { replace: true });
  };
  useShortcuts([
    { keys: 'j', does: 'Next request', run: () => step(1) },
    { keys: 'k', does: 'Request before', run: () => step(-1) },
    { keys: 'u', does: 'Back to the inbox', run: () => void navigate(`/approvals${query}`) },
  ]);

  const list = (
    <section aria-label="Inbox">
      <Group gap="xs" mb="xs" justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label="Which requests"
          value={box}
          onChange={(value) => set('box', value === 'waiting' ? '' : value)}
          data={Object.entries(BOXES).map(([value, { label }]) => ({ value, label }))}
        />
        <LiveMark status={inbox.live} />
      </Group>
      <Filters key={`${subject} ${agent} ${tool}`} filters={filters} onSet={setSearch} search={search} />
      {(inbox.moved > 0 || inbox.unseen > 0) && (
        <Alert variant="outline" color="gray" py={6} mb="xs" role="status">
          <Group gap="xs" justify="space-between">
            {inbox.unseen > 0 ? `${inbox.unseen} more at the top` : `${inbox.moved} ended meanwhile`}
            <Button size="compact-xs" variant="default" onClick={inbox.tidy}>
              {inbox.unseen > 0 ? 'Show' : 'Tidy up'}
            </Button>
          </Group>
        </Alert>
      )}
      {inbox.error !== null && <ErrorState error={inbox.error} onRetry={inbox.reload} />}
      {inbox.isLoading ? (
        <Loading what="the requests" />
      ) : (
        (inbox.error === null || inbox.rows.length > 0) && (
          <RequestList
            inbox={inbox}
            box={box}
            shownId={shownId ?? null}
            rowTo={({ approvalId: id }) => toId(id)}
            isFiltered={subject + agent + tool !== ''}
          />
        )
      )}
    </section>
  );
  const pane = shownId === undefined ? null : <ApprovalPane key={shownId} approvalId={shownId} />;

  return (
    <PageFrame title="Approvals" about="What agents may do only when a person agrees to exactly that. A grant is good for one call, once.">
      {isWide ? (
        <div className={pane === null ? `${classes.panes} ${classes.one}` : classes.panes}>
          {list}
          {pane}
        </div>
      ) : approvalId === undefined ? (
        list
      ) : (
        <>
          <Button
            component={Link}
            to={`/approvals${query}`}
            variant="subtle"
            size="compact-sm"
            mb="xs"
            leftSection={<IconArrowLeft size={14} stroke={1.5} />}
          >
            Inbox
          </Button>
          {pane}
        </>
      )}
    </PageFrame>
  );
};

interface FiltersProps {
  readonly filters: Readonly<Record<(typeof FILTERS)[number][0], string>>;
  readonly search: URLSearchParams;
  readonly onSet: (next: URLSearchParams, options: { readonly replace: true }) => void;
}

/** Whose requests; taken when Enter is pressed or the field is left, so that nobody is asked at each letter. */
const Filters = ({ filters, search, onSet }: FiltersProps) => (
  <form
    aria-label="Filter"
    onSubmit={(event) => {
      event.preventDefault();
      const next = new URLSearchParams(search);
      for (const [name] of FILTERS) {
        const value = String(new FormData(event.currentTarget).get(name) ?? '').trim();
        if (value === '') next.delete(name);
        else next.set(name, value);
      }
      if (String(next) !== String(search)) onSet(next, { replace: true });
    }}
    onBlur={(event) => event.currentTarget.requestSubmit()}
  >
    <Group gap="xs" mb="xs" grow preventGrowOverflow={false} wrap="nowrap">
      {FILTERS.map(([name, label, example]) => (
        <TextInput
          key={name}
          size="xs"
          name={name}
          aria-label={label}
          placeholder={`${label}, e.g. ${example}`}
          defaultValue={filters[name]}
          maxLength={256}
        />
      ))}
      <button type="submit" hidden>
        Filter
      </button>
    </Group>
  </form>
);
