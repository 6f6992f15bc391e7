-- Calls that agents made of the endpoints of publishers (pipelines).
CREATE TABLE tool_calls (
    id            UUID    NOT NULL PRIMARY KEY,
    run_id        UUID    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    task_id       UUID    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    claim_id      UUID    NOT NULL REFERENCES claims (id) ON DELETE CASCADE,
    subcommand    TEXT    NOT NULL,
    request       TEXT    NOT NULL, -- JSON
    outcome       TEXT, -- none while it is under way
    status        BIGINT,
    answer        TEXT, -- JSON, if it is short
    answer_sha256 BYTEA   CHECK (length(answer_sha256) = 32),
    bytes         BIGINT  NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    started_at    BIGINT  NOT NULL,
    ended_at      BIGINT,
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX tool_calls_task ON tool_calls (task_id, id);
CREATE INDEX tool_calls_run ON tool_calls (run_id);
CREATE INDEX tool_calls_claim ON tool_calls (claim_id);
