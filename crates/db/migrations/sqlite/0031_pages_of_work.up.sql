-- What pages count of a run, from one range of an index: its tasks by step and state, and by their places in a fan-out.
DROP INDEX tasks_state;
CREATE INDEX tasks_shown ON tasks (run_id, step, superseded, state, address);
