-- A job in each state, a schedule, and something to tell.
INSERT INTO jobs (id, kind, payload, priority, run_at, attempts, max_attempts, state, lease_ends, fence, unique_key, last_error, created_at)
VALUES (uuid(30), 'sample', '{}', 1, 1, 0, 5, 'ready', NULL, 0, 'once', NULL, 1),
       (uuid(31), 'sample', '{}', 0, 1, 1, 5, 'running', 9, 1, NULL, NULL, 1),
       (uuid(32), 'sample', '{}', 2, 1, 5, 5, 'dead', NULL, 5, 'once', 'it failed', 1);
INSERT INTO schedules (name, cron, zone, next_at, kind, payload) VALUES ('nightly', '0 3 * * *', 'UTC', 9, 'sample', '{}');
INSERT INTO outbox (id, kind, payload, created_at, due_at, attempts, last_error)
VALUES (uuid(33), 'sample', '{}', 1, 1, 0, NULL);
