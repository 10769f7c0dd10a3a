-- Which master key secrets are encrypted under. A key that is not in this table is used by no secret and can be used by
-- none: that is what lets a rotation take it out of the key file while others work.

create table master_keys (
  id text primary key,
  current boolean not null,
  created_at timestamptz not null default now()
);
create unique index master_keys_current on master_keys (current) where current;

insert into master_keys (id, current)
select key_id, row_number() over (order by max(created_at) desc) = 1 from secrets group by key_id;

alter table secrets add constraint secrets_master_key foreign key (key_id) references master_keys;
create index secrets_by_key on secrets (key_id);

-- Keys of the payloads in Temporal's histories, encrypted under a master key. Older ones stay: histories outlive rotations.
create table history_keys (
  id text primary key,
  key_id text not null constraint history_keys_master_key references master_keys,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  made_at timestamptz not null default clock_timestamp()
);
