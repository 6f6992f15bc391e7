-- Pushes of wire 2 that have begun (hub), and what has come of them. Nothing of it is history before the push is
-- committed; nodes of trees are named by their bytes and stand where all of them do.

CREATE TABLE push_sessions (
    id            BLOB    PRIMARY KEY CHECK (length(id) = 16),
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    key_id        BLOB    REFERENCES keys (id) ON DELETE CASCADE,
    token_id      BLOB    REFERENCES tokens (id) ON DELETE CASCADE,
    token_hash    BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    updates       TEXT    NOT NULL, -- as they were asked for, in JSON
    received      INTEGER NOT NULL DEFAULT 0 CHECK (received >= 0),
    cursor_text   TEXT    NOT NULL DEFAULT '',
    commits       INTEGER NOT NULL DEFAULT 0,
    snapshots     INTEGER NOT NULL DEFAULT 0,
    objects       INTEGER NOT NULL DEFAULT 0,
    result        TEXT, -- the answer, once the push is history
    created_at    INTEGER NOT NULL,
    ends_at       INTEGER NOT NULL,
    CHECK ((key_id IS NULL) <> (token_id IS NULL))
) STRICT;
CREATE INDEX push_sessions_repository ON push_sessions (repository_id);
CREATE INDEX push_sessions_principal ON push_sessions (principal_id);
CREATE INDEX push_sessions_key ON push_sessions (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX push_sessions_token ON push_sessions (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX push_sessions_end ON push_sessions (ends_at);

CREATE TABLE push_snapshots (
    session_id      BLOB    NOT NULL REFERENCES push_sessions (id) ON DELETE CASCADE,
    id              BLOB    NOT NULL CHECK (length(id) = 32),
    base            BLOB   , -- the snapshot that it was told by
    root_node       BLOB    NOT NULL REFERENCES tree_nodes (id) ON DELETE RESTRICT,
    files           INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    wire_bytes      INTEGER NOT NULL,
    created_at_text TEXT    NOT NULL,
    PRIMARY KEY (session_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_snapshots_root ON push_snapshots (root_node);

CREATE TABLE push_commits (
    session_id   BLOB    NOT NULL REFERENCES push_sessions (id) ON DELETE CASCADE,
    id           BLOB    NOT NULL CHECK (length(id) = 32),
    position     INTEGER NOT NULL,
    snapshot_id  BLOB    NOT NULL,
    parent1      BLOB   ,
    parent2      BLOB   ,
    generation   INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    wire_bytes   INTEGER NOT NULL,
    record       BLOB    NOT NULL, -- in MessagePack
    PRIMARY KEY (session_id, id),
    UNIQUE (session_id, position)
) STRICT, WITHOUT ROWID;

-- What snapshots of a push name beside what their bases name.
CREATE TABLE push_objects (
    session_id BLOB    NOT NULL REFERENCES push_sessions (id) ON DELETE CASCADE,
    object_id  BLOB    NOT NULL CHECK (length(object_id) = 32),
    size       INTEGER NOT NULL,
    PRIMARY KEY (session_id, object_id)
) STRICT, WITHOUT ROWID;
