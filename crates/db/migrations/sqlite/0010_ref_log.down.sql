DROP TABLE ref_seals;
DROP TABLE ref_log;
ALTER TABLE refs DROP COLUMN entry_hash;
ALTER TABLE refs DROP COLUMN counter;
ALTER TABLE repositories DROP COLUMN require_signed_refs;
ALTER TABLE repositories DROP COLUMN require_signed_commits;
