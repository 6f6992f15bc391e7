DROP TABLE secret_passes;
ALTER TABLE repositories DROP COLUMN secret_protection;
