-- Histories that come from other servers and follow them: imports, mirrors, and what is shown there to be let in.
CREATE TABLE imports (
    repository_id    BLOB    PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    id               BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    url              TEXT    NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    branches         INTEGER NOT NULL CHECK (branches IN (0, 1)),
    tags             INTEGER NOT NULL CHECK (tags IN (0, 1)),
    asked_by         BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    asked_at         INTEGER NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('waiting', 'fetching', 'writing', 'done', 'failed', 'cancelled')),
    failures         INTEGER NOT NULL DEFAULT 0,
    received_bytes   INTEGER NOT NULL DEFAULT 0,
    received_objects INTEGER NOT NULL DEFAULT 0,
    total_objects    INTEGER NOT NULL DEFAULT 0,
    refs_moved       INTEGER NOT NULL DEFAULT 0,
    refs_left        INTEGER NOT NULL DEFAULT 0,
    last_error       TEXT,
    ended_at         INTEGER
) STRICT;
CREATE INDEX imports_asked_by ON imports (asked_by);

CREATE TABLE mirrors (
    id              BLOB    PRIMARY KEY CHECK (length(id) = 16),
    repository_id   BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    direction       TEXT    NOT NULL CHECK (direction IN ('pull', 'push')),
    url             TEXT    NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    patterns        TEXT    NOT NULL, -- with spaces between
    every_minutes   INTEGER NOT NULL CHECK (every_minutes >= 10),
    made_by         BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    made_at         INTEGER NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('active', 'paused', 'stopped')),
    failures        INTEGER NOT NULL DEFAULT 0,
    asked           INTEGER NOT NULL DEFAULT 0, -- counts what is to be sent
    next_at         INTEGER,
    last_run_at     INTEGER,
    last_success_at INTEGER,
    last_error      TEXT
) STRICT;
CREATE INDEX mirrors_repository ON mirrors (repository_id, made_at);
CREATE INDEX mirrors_made_by ON mirrors (made_by);
-- Two that pull would each take back what the other has brought.
CREATE UNIQUE INDEX mirrors_pull ON mirrors (repository_id) WHERE direction = 'pull';

-- Where the refs of the other side were when they were last sent: what moved since is not written over.
CREATE TABLE mirror_refs (
    mirror_id BLOB NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    object    BLOB NOT NULL CHECK (length(object) = 32),
    PRIMARY KEY (mirror_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE remote_credentials (
    id            BLOB PRIMARY KEY CHECK (length(id) = 16), -- of the import or the mirror
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    key_id        TEXT NOT NULL, -- of the install key that seals it
    sealed_dek    BLOB NOT NULL,
    sealed_value  BLOB NOT NULL
) STRICT;
CREATE INDEX remote_credentials_repository ON remote_credentials (repository_id);
