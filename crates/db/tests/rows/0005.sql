-- A place that was found wrong, bytes to be removed, a scan with a fault, a head that was left, a limit.
INSERT INTO objects (id, size, state, created_at, dead_at) VALUES (hash(40), 5, 'dead', 1, 3);
INSERT INTO object_places (object_id, place, segment_id, position, stored, packing, state)
VALUES (hash(40), 'file', uuid(41), 0, 5, 'raw', 'bad');
INSERT INTO object_waste (name, bytes, fate, due_at) VALUES ('segments/none.seg', 5, 'remove', 9);
INSERT INTO integrity_scans (id, kind, position, checked, bytes, faults, started_at, ended_at)
VALUES (uuid(42), 'scrub', '', 1, 5, 1, 1, NULL);
INSERT INTO integrity_faults (id, kind, subject, object_id, repository_id, detail, found_at, resolved_at, how)
VALUES (uuid(43), 'corrupt', 'sample', hash(40), NULL, '', 1, NULL, NULL),
       (uuid(44), 'quota', 'engine', NULL, uuid(7), 'off by one', 1, 2, 'recounted');
INSERT INTO former_heads (repository_id, target, left_at) VALUES (uuid(7), hash(23), 2);
INSERT INTO quota_limits (scope, scope_id, kind, value) VALUES ('owner', uuid(1), 'bytes', 100);
INSERT INTO quota_usage (scope, scope_id, kind, value) VALUES ('owner', uuid(1), 'bytes', 3) ON CONFLICT DO NOTHING;
