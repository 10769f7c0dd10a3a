-- Primaries that were silent to everybody, and were replaced: one row from before the host is switched off until it is on again.

create table failovers (
  id bigint generated always as identity primary key,
  cluster_id text collate "C" not null references clusters,
  node text collate "C" not null,
  begun_at timestamptz not null default now(),
  fenced_at timestamptz,
  -- Of the lease that it held then, the revision of etcd's at which it took it.
  lease bigint,
  finished_at timestamptz,
  -- Who is the primary instead; null: nobody was within the time.
  new_primary text collate "C"
);
create unique index failovers_one_at_a_time on failovers (cluster_id) where finished_at is null;
create index failovers_of_cluster on failovers (cluster_id);
