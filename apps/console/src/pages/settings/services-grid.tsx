import { SERVICES, type Service, type ServiceStatus } from '@sallyport/contracts';
import type { UseQueryResult } from '@tanstack/react-query';
import { ApiFault } from '../../api/api-fault.js';
import { Count } from '../../components/count.js';
import { DataGrid, type GridColumn } from '../../components/data-grid.js';
import { Instant } from '../../components/instant.js';
import { StatusBadge } from '../../components/status-badge.js';

interface Row {
  readonly service: Service;
  readonly status: ServiceStatus | undefined;
  readonly error: unknown;
}

const wordOf = ({ status, error }: Row): string => {
  if (error !== null) return error instanceof ApiFault && error.kind === 'no-permission' ? 'none' : 'down';
  return status?.status ?? 'pending';
};
const behindOf = ({ status }: Row): number | null => status?.lag.reduce((sum, { behind }) => sum + behind, 0) ?? null;

const COLUMNS: readonly GridColumn<Row>[] = [
  { id: 'service', header: 'Service', primary: true, width: 'minmax(8.5rem, 2fr)', cell: ({ service }) => service },
  { id: 'status', header: 'Status', width: '6rem', cell: (row) => <StatusBadge status={wordOf(row)} /> },
  { id: 'replicas', header: 'Replicas', width: '4.5rem', align: 'end', cell: ({ status }) => <Count of={status?.replicas} /> },
  { id: 'inFlight', header: 'In flight', width: '4.5rem', align: 'end', cell: ({ status }) => <Count of={status?.inFlight} /> },
  { id: 'behind', header: 'Behind, at most', width: '7.5rem', align: 'end', cell: (row) => <Count of={behindOf(row)} /> },
  {
    id: 'dead',
    header: 'Dead letters',
    width: '6.5rem',
    align: 'end',
    cell: ({ status }) => <Count of={status?.deadLetters.records} bad={(status?.deadLetters.records ?? 0) > 0} />,
  },
  {
    id: 'held',
    header: 'Held chains',
    width: '6.5rem',
    align: 'end',
    cell: ({ status }) => <Count of={status?.deadLetters.heldChains} bad={(status?.deadLetters.heldChains ?? 0) > 0} />,
  },
  { id: 'version', header: 'Version', width: '4rem', cell: ({ status }) => status?.version ?? '–' },
  {
    id: 'started',
    header: 'Started',
    width: '7rem',
    align: 'end',
    cell: ({ status }) => <Instant at={status?.startedAt ?? null} relative />,
  },
];

export interface ServicesGridProps {
  /** In the order of `SERVICES`. */
  readonly queries: readonly UseQueryResult<ServiceStatus>[];
  readonly chosen: Service;
  readonly onChoose: (service: Service) => void;
}

/** The services, a row each. */
export const ServicesGrid = ({ queries, chosen, onChoose }: ServicesGridProps) => (
  <DataGrid
    label="Services"
    columns={COLUMNS}
    rows={SERVICES.map((service, index): Row => ({ service, status: queries[index]?.data, error: queries[index]?.error ?? null }))}
    rowId={({ service }) => service}
    onChoose={({ service }) => onChoose(service)}
    selectedId={chosen}
  />
);
