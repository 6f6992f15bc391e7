DROP TABLE repository_aliases;
DROP INDEX repositories_deleted;
DROP INDEX repositories_purge;
ALTER TABLE repositories DROP COLUMN purge_at;
ALTER TABLE repositories DROP COLUMN archived_at;
ALTER TABLE repositories DROP COLUMN homepage;
