-- Clusters that are stopped on purpose, and those that somebody works on: until when, which ends by itself.
alter table clusters
  drop constraint clusters_state_check,
  add constraint clusters_state_check check (state in ('creating', 'ready', 'stopped', 'failed', 'deleting', 'deleted')),
  add column maintenance_since timestamptz,
  add column maintenance_until timestamptz,
  add column maintenance_by text,
  add constraint clusters_maintenance_check check (num_nulls(maintenance_since, maintenance_until, maintenance_by) in (0, 3));
-- Of an operation on one node: its name, and what it was.
alter table operations add column node jsonb;
