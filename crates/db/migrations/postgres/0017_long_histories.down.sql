DROP TABLE dir_last_commits;
DROP TABLE commit_days;
DROP TABLE contributor_stats;
DROP TABLE language_stats;
DROP TABLE index_states;
ALTER TABLE repositories DROP COLUMN history_epoch;
