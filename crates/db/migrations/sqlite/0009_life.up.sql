-- The life of a repository (hub): what it says of itself, archived, deleted and kept for a while, called otherwise before.
ALTER TABLE repositories ADD COLUMN homepage TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN archived_at INTEGER;
ALTER TABLE repositories ADD COLUMN purge_at INTEGER;
CREATE INDEX repositories_purge ON repositories (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX repositories_deleted ON repositories (owner_id, name, deleted_at) WHERE deleted_at IS NOT NULL;

-- A former name leads on until another repository takes it.
CREATE TABLE repository_aliases (
    owner_id      BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    name          TEXT    NOT NULL CHECK (name = lower(name)),
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (owner_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_aliases_repository ON repository_aliases (repository_id);
