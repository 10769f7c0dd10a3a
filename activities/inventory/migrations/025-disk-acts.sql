-- What hosts of data nodes did by themselves because their volumes ran full, by their own clocks; also while nobody watched.
create table disk_acts (
  cluster_id text collate "C" not null references clusters,
  node text collate "C" not null,
  at timestamptz not null,
  act text not null,
  detail text not null,
  primary key (cluster_id, node, at, act)
);
