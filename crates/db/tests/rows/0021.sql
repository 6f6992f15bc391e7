-- A repository that takes no secrets, but for one.
UPDATE repositories SET secret_protection = 'refuse' WHERE id = uuid(7);
INSERT INTO secret_passes (repository_id, fingerprint, principal_id, reason, created_at)
VALUES (uuid(7), substr(hash(62), 1, 8), uuid(1), 'an example', 1);
