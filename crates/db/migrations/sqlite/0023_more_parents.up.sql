-- Parents of a commit beyond the second, which only Git has (hub). Places count from 0, so the first here is 2.
CREATE TABLE commit_more_parents (
    repository_id BLOB NOT NULL,
    commit_id     BLOB NOT NULL,
    place         INTEGER NOT NULL CHECK (place >= 2),
    parent        BLOB NOT NULL,
    PRIMARY KEY (repository_id, commit_id, place),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE,
    FOREIGN KEY (repository_id, parent) REFERENCES commits (repository_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX commit_more_parents_parent ON commit_more_parents (repository_id, parent);
