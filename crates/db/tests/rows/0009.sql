-- A former name, and a repository that is archived, has a page elsewhere, and is to be purged.
INSERT INTO repository_aliases (owner_id, name, repository_id, created_at) VALUES (uuid(1), 'former', uuid(7), 1);
UPDATE repositories SET homepage = 'https://song.example', archived_at = 2, purge_at = 9 WHERE id = uuid(7);
