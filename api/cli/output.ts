/** stdout has data only; everything else goes to stderr. */

export type Format = 'table' | 'json';

export const say = (line: string): void => void process.stderr.write(`${line}\n`);
export const print = (line: string): void => void process.stdout.write(`${line}\n`);
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));
/** One object a line, for programs that read while it goes on. */
export const printNdjson = (value: unknown): void => print(JSON.stringify(value));

type Cell = string | number | boolean | null | undefined;

/** Items as JSON, or as a table with one row each. */
export async function printList<T>(
  format: Format,
  items: readonly T[],
  columns: Readonly<Record<string, (item: T) => Cell>>,
): Promise<void> {
  if (format === 'json') return printJson(items);
  await printRows(
    Object.keys(columns),
    items.map((item) => Object.values(columns).map((cell) => cell(item))),
  );
}

/** One thing as JSON, or as lines of name and value. */
export async function printOne(format: Format, value: unknown, fields: Readonly<Record<string, Cell>>): Promise<void> {
  if (format === 'json') return printJson(value);
  await printRows(null, Object.entries(fields));
}

async function printRows(head: readonly string[] | null, rows: readonly (readonly Cell[])[]): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const blank = [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ];
  const table = new Table({
    ...(head === null ? {} : { head: head.map((name) => name.toUpperCase()) }),
    chars: { ...Object.fromEntries(blank.map((name) => [name, ''])), middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => row.map((cell) => String(cell ?? '-'))));
  for (const line of table.toString().split('\n')) print(line.trimEnd());
}

/** `950 ms`, `4.2 s`, `3 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** Binary units, as the plans have them. */
export function bytes(count: number): string {
  const gib = count / 1024 ** 3;
  if (gib >= 1) return `${Number(gib.toFixed(1))}GiB`;
  // A small one is not nothing.
  return count >= 1024 ** 2 ? `${Math.round(count / 1024 ** 2)}MiB` : `${Math.ceil(count / 1024)}KiB`;
}
