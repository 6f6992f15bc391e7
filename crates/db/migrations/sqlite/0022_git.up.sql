-- Refs of Git: the tag that a ref names and that leads to its target, and movements that Git has not made yet.
ALTER TABLE refs ADD COLUMN object BLOB CHECK (object IS NULL OR length(object) = 32);

CREATE TABLE git_moves (
    id            BLOB    PRIMARY KEY,
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    began_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX git_moves_repository ON git_moves (repository_id);
