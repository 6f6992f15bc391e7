-- A template that keeps files and paths in order, with somebody who is asked in.
UPDATE repositories SET is_template = 1, content_policy = 'enforce', clashing_paths = 'refuse' WHERE id = uuid(7);
INSERT INTO repository_invitations (id, repository_id, principal_id, level, invited_by, created_at, ends_at)
VALUES (uuid(9), uuid(7), uuid(1), 'write', uuid(1), 1, 9);
