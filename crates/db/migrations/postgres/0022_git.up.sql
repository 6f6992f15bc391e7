-- Refs of Git: the tag that a ref names and that leads to its target, and movements that Git has not made yet.
ALTER TABLE refs ADD COLUMN object BYTEA CHECK (object IS NULL OR length(object) = 32);

CREATE TABLE git_moves (
    id            UUID   PRIMARY KEY,
    repository_id UUID   NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    began_at      BIGINT NOT NULL
);
CREATE INDEX git_moves_repository ON git_moves (repository_id);
