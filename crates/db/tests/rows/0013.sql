-- A push that has begun, with a commit on its way, and one that is history.
INSERT INTO push_sessions (id, repository_id, principal_id, key_id, token_id, token_hash, updates, received, cursor_text, commits, snapshots, objects, result, created_at, ends_at)
VALUES (uuid(50), uuid(7), uuid(1), uuid(3), NULL, hash(50), '{}', 100, 'c', 1, 1, 1, NULL, 1, 9),
       (uuid(51), uuid(7), uuid(1), uuid(3), NULL, hash(51), '{}', 0, '', 0, 0, 0, '{}', 1, 9);
INSERT INTO push_snapshots (session_id, id, base, root_node, files, bytes, wire_bytes, created_at_text)
VALUES (uuid(50), hash(52), hash(22), hash(20), 1, 3, 100, '1970-01-01T00:00:00Z');
INSERT INTO push_commits (session_id, id, position, snapshot_id, parent1, parent2, generation, committed_at, wire_bytes, record)
VALUES (uuid(50), hash(53), 1, hash(52), hash(24), NULL, 3, 0, 100, hash(54));
INSERT INTO push_objects (session_id, object_id, size) VALUES (uuid(50), hash(11), 3);
