-- Scripts that a user has run before and after backups, and events that say whom to tell how something ended.

create table backup_scripts (
  backup_id text collate "C" not null references backups on delete cascade,
  phase text not null check (phase in ('pre', 'post')),
  node text not null,
  state text not null check (state in ('succeeded', 'failed', 'cancelled', 'not run')),
  exit_code integer,
  output text not null,
  finished_at timestamptz not null default now(),
  -- A backup that goes on on another node has its script run there, too.
  primary key (backup_id, phase, node)
);

alter table operation_events
  drop constraint operation_events_type_check,
  add constraint operation_events_type_check check (type in ('operation', 'step', 'notice'));
