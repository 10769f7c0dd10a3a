-- Places in the log that have a name, and what a restore read and found.

create table restore_points (
  operation_id text collate "C" primary key references operations,
  cluster_id text collate "C" not null references clusters,
  timeline_id text collate "C" not null references timelines,
  name text not null,
  -- Null until the log was marked.
  lsn text,
  made_at timestamptz
);
create unique index restore_points_by_name on restore_points (timeline_id, name);

alter table operations
  -- Of one that restores: from which site and which set the data came, and what was found in it.
  add column restored jsonb;

-- The set that the data of a cluster began with.
alter table clusters add column restored_from jsonb;
-- What that was before the swap, for the one that undoes it.
alter table swaps add column replaced jsonb;
