-- A run with a task that was claimed in vain, is claimed now and waits for a person's word about another.
INSERT INTO runs (id, publisher_id, pipeline_id, version, sha256, state, input, copies, external_id, started_by, fair_key, started_at, deadline_at, rev, detail)
VALUES (uuid(140), uuid(60), 'songs', 1, hash(140), 'running', '{}', '{}', 'one', uuid(1), '', 1, 2, 1, '{}');
INSERT INTO run_search (publisher_id, pipeline_id, pointer, value, run_id) VALUES (uuid(60), 'songs', '/a', '1', uuid(140));
INSERT INTO work_heads (id, publisher_id, pipeline_id, fair_key, weight, priority, labels, trust)
VALUES (uuid(141), uuid(60), 'songs', '', 10, 5, '[]', 0);
INSERT INTO tasks (id, run_id, publisher_id, step, address, generation, superseded, version, state, ready_at, head_id, input, detail)
VALUES (uuid(142), uuid(140), uuid(60), 'sing', 'sing', 1, 0, 1, 'claimed', 1, NULL, '{}', '{}'),
       (uuid(143), uuid(140), uuid(60), 'hear', 'hear', 1, 0, 1, 'waiting', NULL, NULL, '{}', '{}');
INSERT INTO claims (id, task_id, run_id, publisher_id, agent_id, owner_id, version, fence, state, granted_at, ends_at, touched, detail)
VALUES (uuid(144), uuid(142), uuid(140), uuid(60), uuid(61), uuid(1), 1, 1, 'released', 1, 2, 1, '{}'),
       (uuid(145), uuid(142), uuid(140), uuid(60), uuid(61), uuid(1), 1, 2, 'live', 1, 2, 0, '{}');
INSERT INTO submissions (claim_id, result_sha256, verdict, at) VALUES (uuid(144), hash(141), '"accepted"', 1);
INSERT INTO results (task_id, claim_id, output, sha256, at) VALUES (uuid(142), uuid(144), '{}', hash(142), 1);
INSERT INTO run_events (run_id, seq, at, type, task_id, claim_id, actor_id, data)
VALUES (uuid(140), 1, 1, 'run.running', NULL, NULL, NULL, '{}');
INSERT INTO slots (publisher_id, pipeline_id, counts, key_hash, used) VALUES (uuid(60), 'songs', 'claims', hash(143), 1);
INSERT INTO approval_votes (task_id, principal_id, decision, comment, at) VALUES (uuid(143), uuid(1), 'approve', '', 1);
INSERT INTO dead_letters (id, publisher_id, run_id, task_id, reason, at) VALUES (uuid(146), uuid(60), uuid(140), uuid(142), 'deadline', 1);
INSERT INTO agent_publishers (agent_id, publisher_id, state, labels) VALUES (uuid(61), uuid(60), 'vouched', '[]');
INSERT INTO trust_ledger (claim_id, agent_id, publisher_id, run_id, outcome, at) VALUES (uuid(144), uuid(61), uuid(60), uuid(140), 'accepted', 1);
