-- Dumps of several databases by name, and on some of the sites only: what schedules ask for.

alter table dumps
  -- Null: what `database` says.
  add column selection text[],
  -- Null: all sites of the lineage.
  add column sites text[];
