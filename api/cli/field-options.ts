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
  to: '--to',
  target: '--time',
  'target/time': '--time',
  'target/lsn': '--lsn',
  'target/transaction': '--transaction',
  'target/point': '--point',
  'target/backup': '--backup',
  'target/latest': '--latest',
  'schedule/full': '--full',
  'schedule/differential': '--differential',
  'schedule/incremental': '--incremental',
  'dumps/schedule': '--dump',
  'dumps/databases': '--dump-database',
  'dumps/sites': '--dump-site',
  hooks: '--pre-script',
  'hooks/pre/script': '--pre-script',
  'hooks/post/script': '--post-script',
  'hooks/pre/timeoutSeconds': '--script-timeout',
  'hooks/post/timeoutSeconds': '--script-timeout',
  notify: '--notify',
  drill: '--drill',
  timeZone: '--time-zone',
  retention: '--keep',
  sites: '--add-site',
  all: '--all',
  expiresInSeconds: '--expires',
  source: '--source',
  replace: '--replace',
  paused: 'backup pause',
  minutes: '--minutes',
};

/** Lists that the command makes of several options and of what is there: a place in them was never typed. */
const MERGED: readonly string[] = ['sites'];

/** `--allow-ip (number 2)`: what the reader typed, rather than a pointer into what was sent. */
export function optionOf({ in: where, pointer }: Pick<FieldError, 'in' | 'pointer'>): string {
  const { field, place, entry } = fieldAndEntry(pointer);
  const known = OPTION_OF[place] ?? OPTION_OF[field];
  const option = where === 'path' ? `<${field}>` : (known ?? (placeInWords(pointer) || 'the request'));
  return entry === null || entry === 0 || MERGED.includes(place) ? option : `${option} (number ${entry + 1})`;
}

/** What the API calls a field or a value stands in backticks: as it is typed here. */
export const inOptions = (sentence: string): string =>
  sentence.replaceAll(/`(\w+)`/g, (whole, name: string) => (name === 'null' ? 'none' : (OPTION_OF[name] ?? whole)));
