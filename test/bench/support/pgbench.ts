import type { Major } from '../../../domain/clusters';
import { binariesOf } from '../../../activities/postgres/paths';

/** A database of a size that is asked for, made by pgbench. */

export const DATABASE = 'pgbench';
/** Of pgbench, 15 MB each: 5 GB. */
export const DEFAULT_SCALE = 340;
/** Pause between two looks at what has no events. */
const LOOK_MS = 500;

/** Runs a script as `postgres` on the primary. @returns what it printed. @throws Error when it fails. */
export type OnPrimary = (script: string) => Promise<string>;

export const psql = (major: Major, statement: string): string =>
  `${binariesOf(major)}/psql -XAtqc "${statement}" postgres`;

/** Fills it, and waits until its log is archived: what comes late would be measured as part of something else. */
export async function fillDatabase(run: OnPrimary, major: Major, scale: number): Promise<void> {
  const binaries = binariesOf(major);
  await run(`${binaries}/createdb ${DATABASE}`);
  await run(`${binaries}/pgbench -q -i -I dtGvp -s ${scale} ${DATABASE} 2>&1`);
  await run(`${psql(major, 'CHECKPOINT')} && ${psql(major, 'SELECT pg_switch_wal()')}`);
  const waiting = psql(major, `SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`);
  await until(async () => (await run(waiting)).trim() === '0');
}

/** In bytes. */
export const sizeOf = async (run: OnPrimary, major: Major): Promise<number> =>
  Number(await run(psql(major, `SELECT pg_database_size('${DATABASE}')`)));

/** Waits without a limit: as long as there is data. */
export async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
