-- Who asks for the few that wait or failed shall not read all that ever succeeded.
create index operations_of_state on operations (project_id, state, id);
