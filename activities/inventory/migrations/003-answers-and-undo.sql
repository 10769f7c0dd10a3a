-- A key may also stand for a request that was no operation: then the answer is kept itself. It never holds a secret.
alter table idempotency_keys
  alter column operation_id drop not null,
  add column answer jsonb,
  add constraint idempotency_keys_operation_or_answer check ((operation_id is null) <> (answer is null));

-- True from the first `cancelling` on: an operation that was once taken back can't be cancelled again, whatever it does.
alter table operations add column undo_began boolean not null default false;
update operations set undo_began = true where state in ('cancelling', 'cancelled');
