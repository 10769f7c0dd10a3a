import { z } from 'zod';
import type { BackupType } from '../../domain/backups';
import type { FoundSet } from '../inventory/backup-tables';
import { ANNOTATION } from './commands';

/** What `pgbackrest info --output=json` says of one repository. https://pgbackrest.org/command.html#command-info */
export interface RepositoryInfo {
  /** Null: reached. Else pgBackRest's own words. */
  readonly trouble: string | null;
  /** False until a stanza was created there. */
  readonly hasStanza: boolean;
  readonly sets: readonly FoundSet[];
}

const TYPES = { full: 'full', diff: 'differential', incr: 'incremental' } as const satisfies Record<string, BackupType>;

const seconds = z.number().transform((epoch) => new Date(epoch * 1000).toISOString());

const set = z.object({
  annotation: z.record(z.string(), z.string()).optional(),
  backrest: z.object({ version: z.string() }),
  database: z.object({ 'repo-key': z.number() }),
  error: z.boolean().nullish(),
  info: z.object({ size: z.number(), repository: z.object({ delta: z.number() }) }),
  label: z.string(),
  lsn: z.object({ start: z.string(), stop: z.string() }),
  timestamp: z.object({ start: seconds, stop: seconds }),
  type: z.enum(['full', 'diff', 'incr']),
});

const stanza = z.object({
  backup: z.array(set),
  repo: z.array(z.object({ key: z.number(), status: z.object({ code: z.number(), message: z.string() }) })),
});

/** Codes of a repository's status in pgBackRest's info.c. */
const OK = 0;
const MISSING_STANZA = 1;
const NO_BACKUP = 2;
const MISSING_DATA = 3;

/** @param path of the stanza's sets within the store, for people. */
export function parseInfo(json: string, repository: number, path: string): RepositoryInfo {
  const [found] = z.array(stanza).parse(JSON.parse(json));
  const status = found?.repo.find(({ key }) => key === repository)?.status ?? { code: MISSING_STANZA, message: '' };
  const isThere = [OK, NO_BACKUP, MISSING_STANZA, MISSING_DATA].includes(status.code);
  const ours = <T extends { database: { 'repo-key': number } }>(items: readonly T[]): T[] =>
    items.filter(({ database }) => database['repo-key'] === repository);
  return {
    trouble: isThere ? null : status.message,
    hasStanza: status.code === OK || status.code === NO_BACKUP,
    sets: ours(found?.backup ?? []).map((each) => setOf(each, path)),
  };
}

function setOf(found: z.infer<typeof set>, path: string): FoundSet {
  return {
    backupId: found.annotation?.[ANNOTATION] ?? null,
    setId: found.label,
    type: TYPES[found.type],
    path: `${path}/${found.label}`,
    storedBytes: found.info.repository.delta,
    databaseBytes: found.info.size,
    tool: `pgBackRest ${found.backrest.version}`,
    startedAt: found.timestamp.start,
    finishedAt: found.timestamp.stop,
    startLsn: found.lsn.start,
    stopLsn: found.lsn.stop,
    damaged: found.error === true,
  };
}
