-- Drills: restores into hosts that are thrown away, and what they proved.

alter table clusters
  -- Of a cluster that is made for a drill: whose backups it is made from. Lists leave it out.
  add column drill_of text collate "C" references clusters,
  -- Of the newest drill that found nothing wrong.
  add column last_proven_restore jsonb;
create index clusters_of_drills on clusters (id) where drill_of is not null and deleted_at is null;

create table drills (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  -- Whose backups are restored, and what is made for it.
  cluster_id text collate "C" not null references clusters,
  restored_cluster_id text collate "C" not null references clusters,
  timeline_id text collate "C" not null references timelines,
  operation_id text collate "C" not null references operations,
  state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'cancelled', 'skipped')),
  requested_by text not null,
  -- Chosen once; null until then.
  target jsonb,
  site text,
  set_id text,
  restored_to timestamptz,
  database_bytes bigint,
  checks jsonb not null default '[]',
  error jsonb,
  started_at timestamptz not null default now(),
  proven_at timestamptz,
  finished_at timestamptz
);
create unique index drills_of_operation on drills (operation_id);
create unique index drills_one_per_cluster on drills (cluster_id) where state = 'running';
create index drills_of_cluster on drills (cluster_id, id);
