DROP INDEX tasks_shown;
CREATE INDEX tasks_state ON tasks (run_id, state);
