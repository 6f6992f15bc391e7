-- Work that outlives a request (jobs). Done jobs are deleted; dead ones stay until somebody looks.

CREATE TABLE jobs (
    id           UUID    PRIMARY KEY,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    priority     BIGINT  NOT NULL CHECK (priority IN (0, 1, 2)), -- 0 goes first
    run_at       BIGINT  NOT NULL,
    attempts     BIGINT  NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts BIGINT  NOT NULL CHECK (max_attempts >= 1),
    state        TEXT    NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'dead')),
    lease_ends   BIGINT,
    fence        BIGINT  NOT NULL DEFAULT 0 CHECK (fence >= 0),
    unique_key   TEXT,
    last_error   TEXT,
    created_at   BIGINT  NOT NULL,
    CHECK ((state = 'running') = (lease_ends IS NOT NULL))
);
-- One order for what waits and for what a process left behind: the end of a lease is when a running job is due again.
CREATE INDEX jobs_due ON jobs (priority, coalesce(lease_ends, run_at), id) WHERE state <> 'dead';
CREATE UNIQUE INDEX jobs_key ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state <> 'dead';

-- Work that comes again and again.
CREATE TABLE schedules (
    name    TEXT    PRIMARY KEY,
    cron    TEXT    NOT NULL,
    zone    TEXT    NOT NULL,
    next_at BIGINT  NOT NULL,
    kind    TEXT    NOT NULL,
    payload TEXT    NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE enabled;

-- What happened, written with the change itself; a row goes when the jobs that it asks for have come.
CREATE TABLE outbox (
    id         UUID    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    payload    TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    due_at     BIGINT  NOT NULL,
    attempts   BIGINT  NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_error TEXT
);
CREATE INDEX outbox_due ON outbox (due_at, id);
