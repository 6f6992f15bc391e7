-- Parents of a commit beyond the second, which only Git has (hub). Places count from 0, so the first here is 2.
CREATE TABLE commit_more_parents (
    repository_id UUID   NOT NULL,
    commit_id     BYTEA NOT NULL,
    place         BIGINT NOT NULL CHECK (place >= 2),
    parent        BYTEA NOT NULL,
    PRIMARY KEY (repository_id, commit_id, place),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE,
    FOREIGN KEY (repository_id, parent) REFERENCES commits (repository_id, id)
);
CREATE INDEX commit_more_parents_parent ON commit_more_parents (repository_id, parent);
