-- What data nodes said of themselves last. Not logged: whoever listens to them writes it anew each second.
create unlogged table heartbeats (
  cluster_id text collate "C" not null,
  node text not null,
  role text not null check (role in ('primary', 'replica', 'down')),
  heard_at timestamptz not null,
  primary key (cluster_id, node),
  foreign key (cluster_id, node) references nodes on delete cascade
);
