-- Dumps that schedules ask for, and databases that are taken out of the backups of a cluster by a dump.

alter table dumps
  -- Several databases by name; null: what `database` says.
  add column selection text[],
  -- On some of the sites only; null: all of the lineage.
  add column sites text[];

-- What an operation that restores one database is to do with it. The cluster that is made for it is thrown away.
create table database_restores (
  operation_id text collate "C" primary key references operations,
  -- Where it goes.
  cluster_id text collate "C" not null references clusters,
  source text not null,
  database text not null,
  replace boolean not null
);
