// biome-ignore-all lint/a11y/useSemanticElements: rows of a virtual grid are placed by coordinates, which the elements of a table cannot be
// biome-ignore-all lint/a11y/useFocusableInteractive: the row is what the focus is on; its cells are read with it
import { Skeleton, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import {
  createColumnHelper,
  createSortedRowModel,
  metaHelper,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type CSSProperties, type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import classes from './data-grid.module.css';

/**
 * Puts the focus into the grid of that label: on the row that had it last, and if it is there already, on the one after it (1) or before it (-1).
 * For a page's own keys; the grid itself has the arrow keys.
 */
export const focusGrid = (label: string, step: 1 | -1): void => {
  const grid = document.querySelector<HTMLElement>(`[role="grid"][aria-label="${CSS.escape(label)}"]`);
  const row = grid?.querySelector<HTMLElement>('[role="row"][tabindex="0"]');
  if (row === null || row === undefined) return;
  if (row.contains(document.activeElement)) {
    row.dispatchEvent(new KeyboardEvent('keydown', { key: step === 1 ? 'ArrowDown' : 'ArrowUp', bubbles: true, cancelable: true }));
  } else row.focus();
};

/** One column: what it is called and what a cell of it shows. */
export interface GridColumn<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** A track of CSS grid: `8rem`, `minmax(12rem, 2fr)`. Default `minmax(6rem, 1fr)`. */
  readonly width?: string;
  /** Figures stand at the end. */
  readonly align?: 'start' | 'end';
  /** The name of the row: its link, and the head of its card on a narrow screen. One column, the first when none says so. */
  readonly primary?: boolean;
  /** Makes the column sortable, by this value; only for rows that are all here. */
  readonly sortBy?: (row: Row) => string | number;
}

export interface DataGridProps<Row> {
  /** What the rows are, for screen readers: `Calls`. */
  readonly label: string;
  readonly columns: readonly GridColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string;
  /** Where a row leads: a path of the console. */
  readonly rowTo?: (row: Row) => string;
  /** Called with a row when it is chosen by Enter or a click; for what is not a page of its own. */
  readonly onChoose?: (row: Row) => void;
  /** Marks one row. */
  readonly selectedId?: string | null;
  /** Whether there are more rows than these. */
  readonly hasMore?: boolean;
  /** Asks for the next page; called once for each length of `rows`. */
  readonly onMore?: () => void;
  /** How many rows there are in all, where that is known. */
  readonly total?: number;
  /** What stands in place of rows when there are none; the header stays. */
  readonly empty?: ReactNode;
  /** The height of the scrolled part: a CSS length. Default: what is left of the window. */
  readonly height?: string;
}

const ROW_PX = 36;
const CARD_PX = 132;
const OVERSCAN_ROWS = 12;
const MORE_BEFORE_END_ROWS = 20;

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
  columnMeta: metaHelper<{ readonly column: number }>(),
});

const withIndex = (indices: readonly number[], index: number): number[] =>
  indices.includes(index) ? [...indices] : [...indices, index].sort((a, b) => a - b);

/**
 * The one data grid: rows as many as there are, of which only those in sight are in the page; the next page is asked for before its end is
 * reached. Arrow keys, Home, End, Page Up and Page Down move, Enter opens. On a narrow screen every row is a card.
 */
export const DataGrid = <Row,>(props: DataGridProps<Row>) => {
  const { label, columns, rows, rowId, rowTo, onChoose, selectedId, hasMore = false, onMore, total, empty, height } = props;
  const isNarrow = useMediaQuery('(max-width: 40em)', false, { getInitialValueInEffect: false });
  const navigate = useNavigate();
  const scroller = useRef<HTMLDivElement>(null);

  const definitions = useMemo(() => {
    const helper = createColumnHelper<typeof features, { readonly row: Row }>();
    return helper.columns(
      columns.map(({ id, header, sortBy }, column) =>
        helper.accessor(({ row }) => sortBy?.(row) ?? null, {
          id,
          header,
          enableSorting: sortBy !== undefined,
          sortDescFirst: false,
          meta: { column },
        }),
      ),
    );
  }, [columns]);
  const data = useMemo(() => rows.map((row) => ({ row })), [rows]);
  const table = useTable({ features, columns: definitions, data, getRowId: ({ row }) => rowId(row), enableMultiSort: false });
  const shown = table.getRowModel().rows;

  const [focusedId, setFocusedId] = useState<string | null>(null);
  const focusedIndex = useMemo(() => {
    const wanted = focusedId ?? selectedId ?? null;
    return wanted === null
      ? 0
      : Math.max(
          0,
          shown.findIndex(({ id }) => id === wanted),
        );
  }, [shown, focusedId, selectedId]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? CARD_PX : ROW_PX),
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: OVERSCAN_ROWS,
    // The row that has the focus stays in the page wherever it is scrolled to: one that is taken away takes the focus with it, and the keys go nowhere.
    rangeExtractor: (range) => withIndex(defaultRangeExtractor(range), focusedIndex),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sizes that were measured are those of the other form
  useEffect(() => virtual.measure(), [isNarrow]);

  const items = virtual.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? -1;
  const askedAt = useRef(-1);
  useEffect(() => {
    if (!hasMore || onMore === undefined || lastIndex < shown.length - MORE_BEFORE_END_ROWS || askedAt.current === shown.length) return;
    askedAt.current = shown.length;
    onMore();
  }, [hasMore, onMore, lastIndex, shown.length]);

  // By its id: an effect of a commit before the key may run after it, and must not take the wish for its own.
  const wantedId = useRef<string | null>(null);
  useEffect(() => {
    if (wantedId.current === null || shown[focusedIndex]?.id !== wantedId.current) return;
    const element = scroller.current?.querySelector<HTMLElement>(`[data-index="${focusedIndex}"]`);
    if (element === null || element === undefined) return;
    wantedId.current = null;
    element.focus({ preventScroll: true });
  });

  // What is marked from outside (the next request, by a key) is in sight.
  const selectedIndex = selectedId == null ? -1 : shown.findIndex(({ id }) => id === selectedId);
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows that come must not move what is looked at
  useEffect(() => {
    if (selectedIndex >= 0) virtual.scrollToIndex(selectedIndex, { align: 'auto' });
  }, [selectedId]);

  const moveTo = (index: number): void => {
    const target = Math.min(shown.length - 1, Math.max(0, index));
    const row = shown[target];
    if (row === undefined) return;
    wantedId.current = row.id;
    setFocusedId(row.id);
    virtual.scrollToIndex(target, { align: 'auto' });
  };
  const open = (row: Row): void => {
    if (rowTo !== undefined) void navigate(rowTo(row));
    else onChoose?.(row);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>, row: Row): void => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const pageRows = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / (isNarrow ? CARD_PX : ROW_PX)) - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: focusedIndex + 1,
      ArrowUp: focusedIndex - 1,
      PageDown: focusedIndex + pageRows,
      PageUp: focusedIndex - pageRows,
      Home: 0,
      End: shown.length - 1,
    };
    const target = moves[event.key];
    if (target !== undefined) {
      event.preventDefault();
      moveTo(target);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      open(row);
    }
  };

  const primary = Math.max(
    0,
    columns.findIndex((column) => column.primary === true),
  );
  const tracks: CSSProperties & { readonly '--grid-tracks': string } = {
    '--grid-tracks': columns.map(({ width }) => width ?? 'minmax(6rem, 1fr)').join(' '),
  };
  const opens = rowTo !== undefined || onChoose !== undefined;
  // The rows keep what they were drawn with while they are scrolled, so what they call is always the newest.
  const newest = useRef({ open, onKeyDown });
  newest.current = { open, onKeyDown };
  const keys = useMemo(
    (): RowKeys<Row> => ({
      onFocus: setFocusedId,
      onKeyDown: (event, row) => newest.current.onKeyDown(event, row),
      onOpen: (row) => newest.current.open(row),
    }),
    [],
  );

  return (
    <div
      ref={scroller}
      className={classes.scroller}
      style={height === undefined ? tracks : { ...tracks, maxBlockSize: height }}
      role="grid"
      aria-label={label}
      aria-rowcount={hasMore && total === undefined ? -1 : (total ?? shown.length) + 1}
      aria-colcount={columns.length}
      data-cards={isNarrow || undefined}
      // Without rows there is nothing in it to put the focus on, and it scrolls all the same.
      tabIndex={shown.length === 0 ? 0 : undefined}
    >
      <div role="rowgroup" className={classes.head}>
        <div role="row" className={classes.row} aria-rowindex={1}>
          {table.getHeaderGroups()[0]?.headers.map((header) => {
            const column = columns[header.column.columnDef.meta?.column ?? 0];
            if (column === undefined) return null;
            const sorted = header.column.getIsSorted();
            return (
              <div
                key={header.id}
                role="columnheader"
                className={classes.cell}
                data-align={column.align}
                aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : undefined}
              >
                {column.sortBy === undefined ? (
                  column.header
                ) : (
                  <UnstyledButton className={classes.sort} onClick={header.column.getToggleSortingHandler()}>
                    {column.header}
                    {sorted === 'asc' && <IconArrowUp size={12} aria-hidden />}
                    {sorted === 'desc' && <IconArrowDown size={12} aria-hidden />}
                  </UnstyledButton>
                )}
              </div>
            );
          })}
        </div>
      </div>
      {shown.length === 0 ? (
        <div role="rowgroup">
          <div role="row">
            <div role="gridcell" aria-colspan={columns.length}>
              {empty}
            </div>
          </div>
        </div>
      ) : (
        <div role="rowgroup" className={classes.body} style={{ blockSize: virtual.getTotalSize() + (hasMore ? ROW_PX : 0) }}>
          {items.map(({ index, start }) => {
            const item = shown[index];
            if (item === undefined) return null;
            return (
              <GridRow
                key={item.id}
                id={item.id}
                row={item.original.row}
                index={index}
                start={start}
                columns={columns}
                primary={primary}
                rowTo={rowTo}
                opens={opens}
                isFocusable={index === focusedIndex}
                isSelected={selectedId === undefined ? undefined : item.id === selectedId}
                measure={virtual.measureElement}
                keys={keys}
              />
            );
          })}
          {hasMore && (
            <div className={classes.more} aria-hidden>
              <Skeleton height={12} width="40%" />
            </div>
          )}
        </div>
      )}
    </div>
  );
};

/** What a row tells its grid. */
interface RowKeys<Row> {
  readonly onFocus: (id: string) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>, row: Row) => void;
  readonly onOpen: (row: Row) => void;
}

interface GridRowProps<Row> extends Pick<DataGridProps<Row>, 'columns' | 'rowTo'> {
  readonly id: string;
  readonly row: Row;
  readonly index: number;
  /** Where it stands, in pixels from the first row. */
  readonly start: number;
  /** Which column names it. */
  readonly primary: number;
  readonly opens: boolean;
  readonly isFocusable: boolean;
  readonly isSelected: boolean | undefined;
  readonly measure: (element: HTMLElement | null) => void;
  readonly keys: RowKeys<Row>;
}

/** One row; drawn anew only when something of it changed, so that scrolling draws those that come into sight. */
const GridRow = memo(<Row,>(props: GridRowProps<Row>) => {
  const { id, row, index, start, columns, primary, rowTo, opens, isFocusable, isSelected, measure, keys } = props;
  return (
    <div
      ref={measure}
      data-index={index}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      tabIndex={isFocusable ? 0 : -1}
      className={classes.row}
      data-opens={opens || undefined}
      style={{ transform: `translateY(${start}px)` }}
      onFocus={() => keys.onFocus(id)}
      onKeyDown={(event) => keys.onKeyDown(event, row)}
      onClick={(event) => {
        if (opens && !(event.target instanceof Element && event.target.closest('a, button') !== null)) keys.onOpen(row);
      }}
    >
      {columns.map((column, position) => (
        <div
          key={column.id}
          role="gridcell"
          className={classes.cell}
          data-align={column.align}
          data-primary={position === primary || undefined}
          data-label={column.header}
        >
          {position === primary && rowTo !== undefined ? (
            <Link to={rowTo(row)} tabIndex={-1} className={classes.link}>
              {column.cell(row)}
            </Link>
          ) : (
            column.cell(row)
          )}
        </div>
      ))}
    </div>
  );
}) as <Row>(props: GridRowProps<Row>) => ReactNode;
