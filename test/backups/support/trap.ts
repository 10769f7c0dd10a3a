import type { ClientConfig } from 'pg';
import { query } from '../../system/support/endpoint';

/** What a superuser that looks around in the owner's database without care would call. */
export async function setTrap(config: ClientConfig): Promise<void> {
  await query(config, 'create schema trap');
  await query(
    config,
    `create function trap.spring() returns name language plpgsql as $$
      begin execute 'alter role app superuser'; return 'amcheck'; end $$`,
  );
  for (const name of ['pg_extension', 'pg_database'])
    await query(
      config,
      `create view trap.${name} as select trap.spring() as extname, 'app'::name as datname, true as datallowconn`,
    );
  await query(config, 'alter database app set search_path = trap, pg_catalog, public');
}
