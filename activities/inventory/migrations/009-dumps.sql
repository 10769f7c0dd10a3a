-- Logical dumps, the lane in which they run beside backups, and what it takes to sign a URL to a store.

alter table clusters
  -- Generation of the newest operation in the lane of dumps.
  add column dump_generation integer not null default 0;

alter table operations drop constraint operations_lane_check;
alter table operations add constraint operations_lane_check check (lane in ('cluster', 'backup', 'dump'));

-- Null until a worker that knows of it has started.
alter table sites
  add column region text,
  add column path_style boolean,
  add column accounts text,
  -- Certificate of the authority to trust: nothing secret. Null: one that the system knows.
  add column ca_pem text;

create table dumps (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  cluster_id text collate "C" not null references clusters,
  timeline_id text collate "C" not null references timelines,
  operation_id text collate "C" not null references operations,
  -- Null: all databases, and the roles.
  database text,
  databases text[] not null default '{}',
  state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'deleting', 'deleted')),
  description text,
  requested_by text not null,
  node text,
  node_role text check (node_role in ('primary', 'replica')),
  version text not null,
  size_bytes bigint,
  checksum text,
  database_bytes bigint,
  error jsonb,
  started_at timestamptz not null default now(),
  finished_at timestamptz
);
create index dumps_of_project on dumps (project_id, id);
create index dumps_of_cluster on dumps (cluster_id, id);
create index dumps_of_timeline on dumps (timeline_id);
create unique index dumps_of_operation on dumps (operation_id);

create table dump_copies (
  dump_id text collate "C" not null references dumps on delete cascade,
  site text not null,
  stored_at timestamptz not null default now(),
  primary key (dump_id, site)
);

-- What operations do with a dump that is there: delete it, or restore it.
create table dump_uses (
  operation_id text collate "C" primary key references operations,
  dump_id text collate "C" not null references dumps,
  -- `{source, database, replace}` of a restore.
  restore jsonb
);
create index dump_uses_of_dump on dump_uses (dump_id);
