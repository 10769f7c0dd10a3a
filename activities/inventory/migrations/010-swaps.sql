-- Restores in place and their rollbacks: the data of a cluster is replaced by other data of its own past.

create table swaps (
  operation_id text collate "C" primary key references operations,
  cluster_id text collate "C" not null references clusters,
  timeline_id text collate "C" not null references timelines,
  -- Null: it puts the data back that the swap `undoes` has kept.
  target jsonb,
  site text,
  undoes text collate "C" references swaps,
  check ((target is null) = (undoes is not null)),
  -- The data node on which the new data is made.
  node text,
  -- The data node that was the primary: there the old data stays for a while.
  kept_on text,
  -- PostgreSQL's own numbers: of the log that is left, and of the one that begins where the data ends.
  old_log integer,
  new_log integer,
  fork_lsn text,
  -- Which part of the lineage the new data leaves: 0 is what came before the first swap, 1 what came after it, and so on.
  forks_from integer not null,
  swapped_at timestamptz,
  -- The last commit in what is left.
  last_commit_at timestamptz,
  last_commit_lsn text,
  kept_bytes bigint,
  kept_until timestamptz,
  -- No longer to be had back; removed once its host has deleted it.
  released_at timestamptz,
  removed_at timestamptz
);
create index swaps_of_cluster on swaps (cluster_id, swapped_at);
create index swaps_of_timeline on swaps (timeline_id, swapped_at);
create index swaps_kept on swaps (kept_until) where kept_until is not null and removed_at is null;
