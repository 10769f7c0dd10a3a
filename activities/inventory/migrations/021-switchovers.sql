-- Of a switchover: from which data node to which one the primary changes.
alter table operations add column switchover jsonb;
