DROP TABLE repository_invitations;
ALTER TABLE repositories DROP COLUMN clashing_paths;
ALTER TABLE repositories DROP COLUMN content_policy;
ALTER TABLE repositories DROP COLUMN is_template;
