import pg from 'pg';

interface Column {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

const ROWS_PER_PAGE = 500;

const TABLES = `
  SELECT n.nspname AS schema, c.relname AS "table",
         json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL)) ORDER BY a.attnum) AS columns
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg_%' AND n.nspname <> 'information_schema'
   GROUP BY 1, 2 ORDER BY 1, 2`;

/**
 * Hands every row of every table of a database to `visit`, as text, whatever schema it is in; bytes once as they are and once read as UTF-8.
 * Connects as a superuser, so that no grant hides anything. Returns how many rows each table has.
 */
export const dumpDatabase = async (url: string, visit: (table: string, text: string) => void): Promise<ReadonlyMap<string, number>> => {
  const client = new pg.Client({ connectionString: url, application_name: 'sallyport-dump' });
  await client.connect();
  const counts = new Map<string, number>();
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows: tables } = await client.query<Column>(TABLES);
    for (const { schema, table, columns } of tables) {
      const name = `${schema}.${table}`;
      const shown = columns.map((column) => `${pg.escapeIdentifier(column.name)}${column.type === 'bytea' ? '' : '::text'}`).join(', ');
      if (shown === '') continue;
      await client.query(
        `DECLARE every NO SCROLL CURSOR FOR SELECT ${shown} FROM ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`,
      );
      let count = 0;
      for (;;) {
        const { rows } = await client.query<(string | Buffer | null)[]>({ text: `FETCH ${ROWS_PER_PAGE} FROM every`, rowMode: 'array' });
        for (const row of rows) visit(name, row.map(textOf).join('\t'));
        count += rows.length;
        if (rows.length < ROWS_PER_PAGE) break;
      }
      await client.query('CLOSE every');
      counts.set(name, count);
    }
  } finally {
    await client.end();
  }
  return counts;
};

const textOf = (value: string | Buffer | null): string => {
  if (value === null) return '';
  return typeof value === 'string' ? value : `${value.toString('utf8')}\t${value.toString('base64')}`;
};
