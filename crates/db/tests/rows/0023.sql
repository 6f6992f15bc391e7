-- A third parent of the second commit; its first is its second, which no honest one is.
INSERT INTO commit_more_parents (repository_id, commit_id, place, parent) VALUES (uuid(7), hash(24), 2, hash(23));
