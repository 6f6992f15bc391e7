-- A call that was answered, and one that is under way.
INSERT INTO tool_calls (id, run_id, task_id, claim_id, subcommand, request, outcome, status, answer, answer_sha256, bytes, started_at, ended_at)
VALUES (uuid(150), uuid(140), uuid(142), uuid(144), 'look', '{}', 'ok', 200, '{}', hash(150), 2, 1, 2),
       (uuid(151), uuid(140), uuid(142), uuid(145), 'look', '{}', NULL, NULL, NULL, NULL, 0, 3, NULL);
