-- A publisher with a grant, a pipeline with two versions and a schedule, a skill with a file.
INSERT INTO work_publishers (publisher_id, weight, max_priority) VALUES (uuid(60), 20, 9);
INSERT INTO pipelines (publisher_id, id, current_version, last_version, audience, paused, created_at, changed_at, archived_at)
VALUES (uuid(60), 'weave', 2, 2, 'members', FALSE, 1, 2, NULL), (uuid(60), 'unravel', NULL, 1, 'open', TRUE, 1, 1, 3);
INSERT INTO pipeline_versions (publisher_id, pipeline_id, version, sha256, title, source, source_type, definition, created_by, created_at)
VALUES (uuid(60), 'weave', 1, hash(130), NULL, hash(131), 'yaml', '{}', uuid(1), 1),
       (uuid(60), 'weave', 2, hash(132), 'Weave', hash(133), 'json', '{}', uuid(60), 2),
       (uuid(60), 'unravel', 1, hash(130), NULL, hash(131), 'json', '{}', uuid(1), 1);
INSERT INTO pipeline_schedules (publisher_id, pipeline_id, name, cron, zone, missed, next_at, last_run, failures, paused)
VALUES (uuid(60), 'weave', 'daily', '0 5 * * *', 'UTC', 'latest', 9, uuid(130), 1, FALSE);
INSERT INTO skills (publisher_id, name, version, ordinal, sha256, description, public, created_by, created_at, deprecated_at)
VALUES (uuid(60), 'knots', '1.0.0', 1, hash(134), 'How to tie.', FALSE, uuid(1), 1, 2);
INSERT INTO skill_files (publisher_id, name, version, path, size, sha256, content)
VALUES (uuid(60), 'knots', '1.0.0', 'SKILL.md', 32, hash(136), hash(135));
