DROP TABLE bound_resources;
ALTER TABLE repository_objects DROP COLUMN inherited;
DROP TABLE repository_forks;
DROP TABLE repository_transfers;
DROP TABLE repository_topics;
ALTER TABLE repositories DROP COLUMN allow_forks;
ALTER TABLE repositories DROP COLUMN licence;
