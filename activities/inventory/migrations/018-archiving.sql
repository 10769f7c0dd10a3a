-- The newest measurement of each cluster's archive, by whoever watches it. One small row that is overwritten: no history.

create table archiving (
  cluster_id text collate "C" primary key references clusters,
  figures jsonb not null
);
