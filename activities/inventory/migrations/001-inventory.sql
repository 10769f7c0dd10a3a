-- The inventory's first shape. Ids are compared byte by byte ("C"), because they sort by time that way.

create table projects (
  id text collate "C" primary key,
  name text not null constraint projects_name_taken unique,
  created_at timestamptz not null default now()
);

create table tokens (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  name text not null,
  scopes text[] not null,
  -- SHA-256 of the token, hex. The token itself is nowhere.
  hash text not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index tokens_of_project on tokens (project_id, id);

create table clusters (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  name text not null,
  generation integer not null default 1,
  -- Generation of the newest operation: what a step is fenced by. It stays behind `generation` when the spec changes
  -- without an operation, so that such a change does not overtake the operation that runs.
  operation_generation integer not null default 1,
  spec jsonb not null,
  state text not null default 'creating' check (state in ('creating', 'ready', 'failed', 'deleting', 'deleted')),
  conditions jsonb not null default '[]',
  postgresql_version text,
  endpoint jsonb,
  network jsonb,
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);
-- The name of a deleted cluster is free again.
create unique index clusters_name_taken on clusters (project_id, name) where deleted_at is null;
create index clusters_of_project on clusters (project_id, id) where deleted_at is null;

create table nodes (
  cluster_id text collate "C" not null references clusters,
  name text not null,
  role text not null check (role in ('data', 'gateway')),
  failure_domain text not null,
  host_id text,
  private_address text,
  ssh_host text,
  ssh_port integer,
  host_key text,
  public_ports jsonb not null default '{}',
  primary key (cluster_id, name),
  check ((ssh_host is null) = (ssh_port is null))
);

create table operations (
  id text collate "C" primary key,
  kind text not null,
  project_id text collate "C" not null references projects,
  cluster_id text collate "C" not null references clusters,
  cluster_name text not null,
  generation integer not null,
  topology text not null,
  summary text not null,
  state text not null default 'pending'
    check (state in ('pending', 'scheduled', 'running', 'waiting', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  reason text,
  error jsonb,
  cause text not null check (cause in ('user', 'schedule', 'autopilot')),
  requested_by text not null,
  point_of_no_return_passed boolean not null default false,
  -- Of the newest record that changed it: an older one, arriving late, changes nothing.
  record_seq integer not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz
);
create unique index operations_one_per_cluster on operations (cluster_id)
  where state not in ('succeeded', 'failed', 'cancelled');
create index operations_of_project on operations (project_id, id);
create index operations_of_cluster on operations (cluster_id, id);
create index operations_unstarted on operations (created_at) where state = 'pending';

create table steps (
  operation_id text collate "C" not null references operations,
  id text not null,
  position integer not null,
  title text not null,
  state text not null default 'pending'
    check (state in ('pending', 'running', 'succeeded', 'failed', 'skipped', 'undoing', 'undone')),
  attempt integer not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  last_error text,
  next_retry_at timestamptz,
  progress text,
  record_seq integer not null default 0,
  primary key (operation_id, id)
);

-- `seq` rises in the order of commits within one operation, because each writer holds the operation's row until then:
-- a reader that goes on after the last one it saw misses none.
create table operation_events (
  seq bigint generated always as identity primary key,
  operation_id text collate "C" not null references operations,
  at timestamptz not null default now(),
  type text not null check (type in ('operation', 'step')),
  body jsonb not null
);
create index operation_events_of_operation on operation_events (operation_id, seq);

create table idempotency_keys (
  principal text not null,
  key text not null,
  request_hash text not null,
  -- Deferred: the key is written first, so that of two equal requests the second waits for the first to end.
  operation_id text collate "C" not null references operations deferrable initially deferred,
  created_at timestamptz not null default now(),
  primary key (principal, key)
);

-- Envelope encryption: `ciphertext` under a key of its own, that key under the master key `key_id`.
create table secrets (
  project_id text collate "C" not null references projects,
  cluster_id text collate "C" not null references clusters,
  name text not null,
  version integer not null,
  key_id text not null,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  created_at timestamptz not null default now(),
  primary key (cluster_id, name, version)
);

create table images (
  cloud text not null,
  reference text not null,
  catalogue jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (cloud, reference)
);
