-- What is missing in the archive, where it ends, and backups whose pages were damaged when they were read.

alter table timelines
  add column restorable_gaps jsonb not null default '[]',
  add column restorable_lsn text;

alter table backup_copies add column damaged boolean not null default false;
