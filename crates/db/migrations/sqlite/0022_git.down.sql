DROP TABLE git_moves;
ALTER TABLE refs DROP COLUMN object;
