-- Work that outlives a request (jobs). Done jobs are deleted; dead ones stay until somebody looks.

CREATE TABLE jobs (
    id           BLOB    PRIMARY KEY CHECK (length(id) = 16),
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    priority     INTEGER NOT NULL CHECK (priority IN (0, 1, 2)), -- 0 goes first
    run_at       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
    state        TEXT    NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'dead')),
    lease_ends   INTEGER,
    fence        INTEGER NOT NULL DEFAULT 0 CHECK (fence >= 0),
    unique_key   TEXT,
    last_error   TEXT,
    created_at   INTEGER NOT NULL,
    CHECK ((state = 'running') = (lease_ends IS NOT NULL))
) STRICT;
-- One order for what waits and for what a process left behind: the end of a lease is when a running job is due again.
CREATE INDEX jobs_due ON jobs (priority, coalesce(lease_ends, run_at), id) WHERE state <> 'dead';
CREATE UNIQUE INDEX jobs_key ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state <> 'dead';

-- Work that comes again and again.
CREATE TABLE schedules (
    name    TEXT    PRIMARY KEY,
    cron    TEXT    NOT NULL,
    zone    TEXT    NOT NULL,
    next_at INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    payload TEXT    NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (next_at) WHERE enabled;

-- What happened, written with the change itself; a row goes when the jobs that it asks for have come.
CREATE TABLE outbox (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    kind       TEXT    NOT NULL,
    payload    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_error TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at, id);
