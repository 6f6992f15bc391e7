-- Pushes of wire 2 that have begun (hub), and what has come of them. Nothing of it is history before the push is
-- committed; nodes of trees are named by their bytes and stand where all of them do.

CREATE TABLE push_sessions (
    id            UUID    PRIMARY KEY,
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    key_id        UUID    REFERENCES keys (id) ON DELETE CASCADE,
    token_id      UUID    REFERENCES tokens (id) ON DELETE CASCADE,
    token_hash    BYTEA   NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    updates       TEXT    NOT NULL, -- as they were asked for, in JSON
    received      BIGINT  NOT NULL DEFAULT 0 CHECK (received >= 0),
    cursor_text   TEXT    NOT NULL DEFAULT '',
    commits       BIGINT  NOT NULL DEFAULT 0,
    snapshots     BIGINT  NOT NULL DEFAULT 0,
    objects       BIGINT  NOT NULL DEFAULT 0,
    result        TEXT, -- the answer, once the push is history
    created_at    BIGINT  NOT NULL,
    ends_at       BIGINT  NOT NULL,
    CHECK ((key_id IS NULL) <> (token_id IS NULL))
);
CREATE INDEX push_sessions_repository ON push_sessions (repository_id);
CREATE INDEX push_sessions_principal ON push_sessions (principal_id);
CREATE INDEX push_sessions_key ON push_sessions (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX push_sessions_token ON push_sessions (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX push_sessions_end ON push_sessions (ends_at);

CREATE TABLE push_snapshots (
    session_id      UUID    NOT NULL REFERENCES push_sessions (id) ON DELETE CASCADE,
    id              BYTEA   NOT NULL CHECK (length(id) = 32),
    base            BYTEA  , -- the snapshot that it was told by
    root_node       BYTEA   NOT NULL REFERENCES tree_nodes (id) ON DELETE RESTRICT,
    files           BIGINT  NOT NULL,
    bytes           BIGINT  NOT NULL,
    wire_bytes      BIGINT  NOT NULL,
    created_at_text TEXT    NOT NULL,
    PRIMARY KEY (session_id, id)
);
CREATE INDEX push_snapshots_root ON push_snapshots (root_node);

CREATE TABLE push_commits (
    session_id   UUID    NOT NULL REFERENCES push_sessions (id) ON DELETE CASCADE,
    id           BYTEA   NOT NULL CHECK (length(id) = 32),
    position     BIGINT  NOT NULL,
    snapshot_id  BYTEA   NOT NULL,
    parent1      BYTEA  ,
    parent2      BYTEA  ,
    generation   BIGINT  NOT NULL,
    committed_at BIGINT  NOT NULL,
    wire_bytes   BIGINT  NOT NULL,
    record       BYTEA   NOT NULL, -- in MessagePack
    PRIMARY KEY (session_id, id),
    UNIQUE (session_id, position)
);

-- What snapshots of a push name beside what their bases name.
CREATE TABLE push_objects (
    session_id UUID    NOT NULL REFERENCES push_sessions (id) ON DELETE CASCADE,
    object_id  BYTEA   NOT NULL CHECK (length(object_id) = 32),
    size       BIGINT  NOT NULL,
    PRIMARY KEY (session_id, object_id)
);
