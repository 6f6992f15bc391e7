-- Histories that come from other servers and follow them: imports, mirrors, and what is shown there to be let in.
CREATE TABLE imports (
    repository_id    UUID    PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    id               UUID    NOT NULL UNIQUE,
    url              TEXT    NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    branches         BIGINT  NOT NULL CHECK (branches IN (0, 1)),
    tags             BIGINT  NOT NULL CHECK (tags IN (0, 1)),
    asked_by         UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    asked_at         BIGINT  NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('waiting', 'fetching', 'writing', 'done', 'failed', 'cancelled')),
    failures         BIGINT  NOT NULL DEFAULT 0,
    received_bytes   BIGINT  NOT NULL DEFAULT 0,
    received_objects BIGINT  NOT NULL DEFAULT 0,
    total_objects    BIGINT  NOT NULL DEFAULT 0,
    refs_moved       BIGINT  NOT NULL DEFAULT 0,
    refs_left        BIGINT  NOT NULL DEFAULT 0,
    last_error       TEXT,
    ended_at         BIGINT
);
CREATE INDEX imports_asked_by ON imports (asked_by);

CREATE TABLE mirrors (
    id              UUID    PRIMARY KEY,
    repository_id   UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    direction       TEXT    NOT NULL CHECK (direction IN ('pull', 'push')),
    url             TEXT    NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    patterns        TEXT    NOT NULL, -- with spaces between
    every_minutes   BIGINT  NOT NULL CHECK (every_minutes >= 10),
    made_by         UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    made_at         BIGINT  NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('active', 'paused', 'stopped')),
    failures        BIGINT  NOT NULL DEFAULT 0,
    asked           BIGINT  NOT NULL DEFAULT 0, -- counts what is to be sent
    next_at         BIGINT,
    last_run_at     BIGINT,
    last_success_at BIGINT,
    last_error      TEXT
);
CREATE INDEX mirrors_repository ON mirrors (repository_id, made_at);
CREATE INDEX mirrors_made_by ON mirrors (made_by);
-- Two that pull would each take back what the other has brought.
CREATE UNIQUE INDEX mirrors_pull ON mirrors (repository_id) WHERE direction = 'pull';

-- Where the refs of the other side were when they were last sent: what moved since is not written over.
CREATE TABLE mirror_refs (
    mirror_id UUID  NOT NULL REFERENCES mirrors (id) ON DELETE CASCADE,
    name      TEXT  NOT NULL,
    object    BYTEA NOT NULL CHECK (length(object) = 32),
    PRIMARY KEY (mirror_id, name)
);

CREATE TABLE remote_credentials (
    id            UUID  PRIMARY KEY, -- of the import or the mirror
    repository_id UUID  NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    key_id        TEXT  NOT NULL, -- of the install key that seals it
    sealed_dek    BYTEA NOT NULL,
    sealed_value  BYTEA NOT NULL
);
CREATE INDEX remote_credentials_repository ON remote_credentials (repository_id);
