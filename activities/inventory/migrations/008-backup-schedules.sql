-- Schedules of backups: since when a cluster has them, what a change of its policy changes, and which backup is its newest.

alter table clusters
  -- Backups that would have been due before are not missed.
  add column backups_scheduled_at timestamptz;

-- `{before, after}` of the operation that changes a policy: what its undo puts back.
alter table operations add column policy_change jsonb;

create index backups_newest on backups (cluster_id, type, id) where state = 'succeeded';
create index backups_running on backups (cluster_id) where state = 'running';
