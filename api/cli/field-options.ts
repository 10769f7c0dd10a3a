import { fieldAndEntry, placeInWords } from '../../domain/json-pointer';
import type { FieldError } from '../../domain/schemas/problems';

/** Where on the command line each field of a request is given. A test holds that none is missing. */
export const OPTION_OF: Readonly<Record<string, string>> = {
  name: '<name>',
  plan: '--plan',
  version: '--version',
  storage: '--storage',
  database: '--database',
  owner: '--owner',
  allowedIps: '--allow-ip',
  deletionProtection: '--protect',
  confirm: '--confirm',
  scopes: '--scope',
  expiresInDays: '--days',
  cluster: '--cluster',
  limit: '--limit',
  cloud: '--cloud',
  address: '--address',
  port: '--port',
  user: '--user',
  hostKey: '--host-key',
  zone: '--zone',
  memory: '--memory',
  cpus: '--cpus',
  type: '--type',
  description: '--description',
  backups: '--backup-sites',
  site: '--site',
  credentials: '--credentials',
  target: '--time',
  'target/time': '--time',
  'target/lsn': '--lsn',
  'target/transaction': '--transaction',
  'target/point': '--point',
  'target/backup': '--backup',
  'schedule/full': '--full',
  'schedule/differential': '--differential',
  'schedule/incremental': '--incremental',
  'dumps/schedule': '--dump',
  'dumps/databases': '--dump-database',
  'dumps/sites': '--dump-site',
  drill: '--drill',
  timeZone: '--time-zone',
  retention: '--keep',
  sites: '--add-site',
  all: '--all',
  expiresInSeconds: '--expires',
  source: '--source',
  replace: '--replace',
  paused: 'backup pause',
};

/** `--allow-ip (number 2)`: what the reader typed, rather than a pointer into what was sent. */
export function optionOf({ in: where, pointer }: Pick<FieldError, 'in' | 'pointer'>): string {
  const { field, place, entry } = fieldAndEntry(pointer);
  const known = OPTION_OF[place] ?? OPTION_OF[field];
  const option = where === 'path' ? `<${field}>` : (known ?? (placeInWords(pointer) || 'the request'));
  return entry === null || entry === 0 ? option : `${option} (number ${entry + 1})`;
}
