DROP TABLE commit_more_parents;
