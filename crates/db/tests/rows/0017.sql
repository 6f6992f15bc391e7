-- What is derived from the history of the repository, which let commits go once.
UPDATE repositories SET history_epoch = 1 WHERE id = uuid(7);
INSERT INTO index_states (repository_id, kind, head) VALUES (uuid(7), 'numbers', hash(24));
INSERT INTO language_stats (repository_id, language, files, bytes) VALUES (uuid(7), 'Rust', 1, 3);
INSERT INTO contributor_stats (repository_id, who, author, agent_id, commits, first_at, last_at)
VALUES (uuid(7), hash(40), 'ada', '', 2, 0, 1000);
INSERT INTO commit_days (repository_id, day, people, agents) VALUES (uuid(7), 0, 2, 0);
INSERT INTO dir_last_commits (repository_id, place, commit_id, path, branch, answers, used_at)
VALUES (uuid(7), hash(41), hash(24), '', 'refs/heads/main', hash(42), 2);
