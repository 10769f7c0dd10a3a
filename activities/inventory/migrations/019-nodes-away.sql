-- Data nodes that did not answer when the data was exchanged, or since, each with the time when that was seen: they are brought in
-- when they come.
alter table swaps add column away jsonb not null default '{}';
create index swaps_with_nodes_away on swaps (cluster_id) where away <> '{}';
