-- Machines that users have: the hosts of the cloud `static`.

create table hosts (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  name text not null,
  address text not null,
  port integer not null,
  ssh_user text not null,
  host_key text not null,
  zone text not null,
  memory_bytes bigint not null,
  cpus double precision not null,
  storage_bytes bigint not null,
  -- What the last check that got in saw: one machine is registered once, whatever addresses it has.
  facts jsonb,
  machine_id text generated always as (facts ->> 'machineId') stored constraint hosts_machine_taken unique,
  -- The cluster that had it last: a residue check asks the machine even when it was given back.
  last_cluster text,
  registered_at timestamptz not null default now(),
  constraint hosts_name_taken unique (project_id, name),
  constraint hosts_address_taken unique (address, port)
);

-- Which node lives on which machine. Several nodes of one cluster may share one.
create table host_claims (
  token text primary key,
  host_id text collate "C" not null references hosts on delete cascade,
  -- A cluster's id; the cloud takes any text.
  cluster text not null,
  tags jsonb not null,
  needs jsonb not null
);
create index host_claims_of_host on host_claims (host_id);

create table floating_addresses (
  id text collate "C" primary key,
  project_id text collate "C" not null references projects,
  address text not null constraint floating_addresses_taken unique,
  prefix_length integer not null,
  -- The network of a cluster that has it now.
  network text constraint floating_addresses_one_per_network unique,
  cluster text,
  tags jsonb,
  registered_at timestamptz not null default now(),
  check ((network is null) = (tags is null) and (network is null) = (cluster is null))
);

alter table nodes add column ssh_user text;

-- A token that may do everything goes on to do so.
update tokens set scopes = scopes || array['hosts:read', 'hosts:write']
 where scopes @> array['clusters:read', 'clusters:write', 'credentials:read', 'tokens:write']
   and not scopes @> array['hosts:read'];
