-- Calls that agents made of the endpoints of publishers (pipelines).
CREATE TABLE tool_calls (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    run_id        BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    task_id       BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    claim_id      BLOB    NOT NULL REFERENCES claims (id) ON DELETE CASCADE,
    subcommand    TEXT    NOT NULL,
    request       TEXT    NOT NULL, -- JSON
    outcome       TEXT, -- none while it is under way
    status        INTEGER,
    answer        TEXT, -- JSON, if it is short
    answer_sha256 BLOB    CHECK (length(answer_sha256) = 32),
    bytes         INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
) STRICT;
CREATE INDEX tool_calls_task ON tool_calls (task_id, id);
CREATE INDEX tool_calls_run ON tool_calls (run_id);
CREATE INDEX tool_calls_claim ON tool_calls (claim_id);
