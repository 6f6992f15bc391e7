-- What happened to a repository, who keeps an eye on it, and what its signed commits count for.
INSERT INTO activity (id, at, type, actor_id, on_behalf_of, repository_id, other_id, subject, sequence, data, confidential)
VALUES (uuid(60), 1, 'repository.created', uuid(1), NULL, uuid(7), NULL, 'repository:one', 1, '{}', 0),
       (uuid(61), 2, 'repository.forked', uuid(1), uuid(2), uuid(7), uuid(7), 'repository:one', 2, '{}', 1),
       (uuid(62), 3, 'follow.added', NULL, NULL, NULL, NULL, 'principal:one', 1, '{}', 0);
INSERT INTO stars (repository_id, principal_id, created_at) VALUES (uuid(7), uuid(1), 1);
INSERT INTO repository_subscriptions (repository_id, principal_id, level, created_at) VALUES (uuid(7), uuid(1), 'all', 1);
INSERT INTO follows (followed_id, principal_id, created_at) VALUES (uuid(2), uuid(1), 1);
INSERT INTO pinned_repositories (principal_id, position, repository_id) VALUES (uuid(1), 0, uuid(7));
INSERT INTO contributions (repository_id, commit_id, signer, at, received_at) VALUES (uuid(7), hash(24), 'ed25519:one', 1000, 2);
INSERT INTO contribution_states (repository_id, head) VALUES (uuid(7), hash(24));
UPDATE repositories SET stars = 1, watchers = 1 WHERE id = uuid(7);
