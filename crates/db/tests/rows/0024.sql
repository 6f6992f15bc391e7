-- An import that has ended, a mirror that sends, what it found there last, and what it shows there.
INSERT INTO imports (repository_id, id, url, branches, tags, asked_by, asked_at, state)
VALUES (uuid(7), uuid(91), 'https://elsewhere.example/songs', 1, 0, uuid(1), 1, 'done');
INSERT INTO mirrors (id, repository_id, direction, url, patterns, every_minutes, made_by, made_at, state)
VALUES (uuid(92), uuid(7), 'push', 'https://elsewhere.example/songs', 'refs/heads/*', 10, uuid(1), 1, 'active');
INSERT INTO mirror_refs (mirror_id, name, object) VALUES (uuid(92), 'refs/heads/main', hash(24));
INSERT INTO remote_credentials (id, repository_id, key_id, sealed_dek, sealed_value)
VALUES (uuid(92), uuid(7), '0123456789abcdef', hash(1), hash(2));
