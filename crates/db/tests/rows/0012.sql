-- A repository with topics that waits to be taken, and was made from a private one.
UPDATE repositories SET licence = 'MIT', allow_forks = 1 WHERE id = uuid(7);
UPDATE repository_objects SET inherited = 1 WHERE repository_id = uuid(7);
INSERT INTO repository_topics (repository_id, topic) VALUES (uuid(7), 'music');
INSERT INTO repository_transfers (id, repository_id, to_id, to_handle, asked_by, created_at, ends_at)
VALUES (uuid(8), uuid(7), uuid(1), 'ada', uuid(1), 1, 9);
INSERT INTO repository_forks (repository_id, source_id, default_only, state, created_at)
VALUES (uuid(7), NULL, 1, 'copying', 1);
INSERT INTO bound_resources (id, source_id, suspended_at) VALUES (uuid(7), NULL, 3);
