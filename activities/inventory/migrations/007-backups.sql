-- Backups: lineages, what is in the stores, and the lane in which they run beside other operations.

alter table clusters
  -- What it was restored from.
  add column origin jsonb,
  -- Generation of the newest operation in the lane of backups: its steps are fenced by it, not by the cluster's own.
  add column backup_generation integer not null default 0;

alter table operations add column lane text not null default 'cluster' check (lane in ('cluster', 'backup'));
drop index operations_one_per_cluster;
create unique index operations_one_per_lane on operations (cluster_id, lane)
  where state not in ('succeeded', 'failed', 'cancelled');

-- The sites that the workers know, in order of preference: what an order can name. Keys are not in here.
create table sites (
  name text primary key,
  position integer not null,
  clouds text[] not null,
  endpoint text not null,
  bucket text not null,
  recorded_at timestamptz not null default now()
);

create table timelines (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  cluster_id text collate "C" not null references clusters,
  version text not null,
  sites text[] not null,
  created_at timestamptz not null default now(),
  -- Its cluster was deleted: it is removed then.
  expires_at timestamptz,
  removed_at timestamptz,
  -- As last looked at; what there is of a cluster that does not answer any more.
  restorable_from timestamptz,
  restorable_to timestamptz
);
create index timelines_of_cluster on timelines (cluster_id, id);
create index timelines_expiring on timelines (expires_at) where removed_at is null;

create table backups (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  cluster_id text collate "C" not null references clusters,
  timeline_id text collate "C" not null references timelines,
  -- Null: its host took it by itself.
  operation_id text collate "C" references operations,
  type text not null check (type in ('full', 'differential', 'incremental')),
  state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'expired')),
  description text,
  requested_by text not null,
  node text,
  node_role text check (node_role in ('primary', 'replica')),
  version text not null,
  tool text,
  database_bytes bigint,
  error jsonb,
  started_at timestamptz not null default now(),
  finished_at timestamptz
);
create index backups_of_cluster on backups (cluster_id, id);
create unique index backups_of_operation on backups (operation_id);

create table backup_copies (
  backup_id text collate "C" not null references backups on delete cascade,
  timeline_id text collate "C" not null references timelines,
  site text not null,
  set_id text not null,
  type text not null check (type in ('full', 'differential', 'incremental')),
  path text not null,
  stored_bytes bigint not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  start_lsn text not null,
  stop_lsn text not null,
  removed_at timestamptz,
  primary key (timeline_id, site, set_id)
);
create index backup_copies_of_backup on backup_copies (backup_id);
