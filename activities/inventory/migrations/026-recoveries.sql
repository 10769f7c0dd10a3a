-- Of a recovery: up to when the backups bring a cluster back that has lost its data nodes, and the hosts that it had.
alter table operations add column recovery jsonb;
