-- Of a replacement: the node that gets a fresh host, and the host that it had before.
alter table operations add column replacement jsonb;
create index operations_of_autopilot on operations (created_at) where cause = 'autopilot';

-- Gateways are heard, too.
alter table heartbeats drop constraint heartbeats_role_check;
alter table heartbeats add constraint heartbeats_role_check check (role in ('primary', 'replica', 'down', 'open'));
