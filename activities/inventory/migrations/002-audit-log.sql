-- Who did what and when. Append-only; each row's hash covers the row and the hash before it, so that a row that was
-- changed or taken out later shows.

create table audit_log (
  seq bigint primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null,
  details jsonb not null,
  hash bytea not null
);

create function audit_hash(previous bytea, entry audit_log) returns bytea immutable language sql as $$
  select sha256(previous || convert_to(jsonb_build_array(
    entry.seq, to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.actor, entry.action,
    entry.subject, entry.details)::text, 'UTF8'))
$$;

-- One writer at a time, until its transaction ends: otherwise two rows would follow the same one. Call it last.
create function audit_append(actor text, action text, subject text, details jsonb) returns void language plpgsql as $$
declare
  previous audit_log;
  entry audit_log;
begin
  perform pg_advisory_xact_lock(hashtextextended('holdfast audit_log', 0));
  select * into previous from audit_log order by seq desc limit 1;
  entry.seq := coalesce(previous.seq, 0) + 1;
  entry.at := clock_timestamp();
  entry.actor := actor;
  entry.action := action;
  entry.subject := subject;
  entry.details := details;
  entry.hash := audit_hash(coalesce(previous.hash, ''), entry);
  insert into audit_log select entry.*;
end
$$;

-- The first row that does not follow from the one before it, or null when the chain is whole.
create function audit_first_broken() returns bigint stable language sql as $$
  select min(seq) from (
    select entry.seq,
           entry.hash = audit_hash(coalesce(lag(entry.hash) over chain, ''), entry)
             and entry.seq = row_number() over chain as whole
    from audit_log entry window chain as (order by entry.seq)
  ) links where not whole
$$;

create function audit_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only';
end
$$;

create trigger audit_append_only before update or delete or truncate on audit_log
  for each statement execute function audit_refuse_change();
