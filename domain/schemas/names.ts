import { z } from 'zod';

/** Names that users choose. Those that Holdfast, Patroni or PostgreSQL need for themselves are refused. */

const RESERVED = new Set([
  'postgres',
  'template0',
  'template1',
  'replicator',
  'rewind',
  'pgbouncer',
  'monitor',
  'dumper',
  'public',
  'none',
]);
const RESERVED_PREFIXES = ['pg_', 'holdfast'];

function isReserved(name: string): boolean {
  return RESERVED.has(name) || RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

export const clusterNameSchema = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
    'must be 1 to 40 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen',
  )
  .meta({ description: 'Name of the cluster, unique in its project.', example: 'shop' });

const identifier = z
  .string()
  .regex(
    /^[a-z_][a-z0-9_]{0,62}$/,
    'must be 1 to 63 lower-case letters, digits and underscores, not beginning with a digit',
  )
  .refine(
    (name) => !isReserved(name),
    'is a reserved name (postgres, template0, template1, replicator, rewind, pgbouncer, monitor, dumper, public, none, pg_…, holdfast…)',
  );

export const databaseNameSchema = identifier.meta({ description: 'The first database.', example: 'app' });
export const roleNameSchema = identifier.meta({
  description: 'The role that owns the first database. It is no superuser.',
  example: 'app',
});
