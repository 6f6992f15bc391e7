-- A template that takes no secrets, with somebody who is asked in, and a finding that passes.
UPDATE repositories
   SET is_template = 1, content_policy = 'enforce', clashing_paths = 'refuse', secret_protection = 'refuse'
 WHERE id = uuid(7);
INSERT INTO repository_invitations (id, repository_id, principal_id, level, invited_by, created_at, ends_at)
VALUES (uuid(9), uuid(7), uuid(1), 'write', uuid(1), 1, 9);
INSERT INTO repository_passes (repository_id, fingerprint, passed_by, created_at) VALUES (uuid(7), 'f', uuid(1), 1);
