-- Runs of pipelines, their tasks, and who claims them (pipelines).
CREATE TABLE runs (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    publisher_id BLOB    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    pipeline_id  TEXT    NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    sha256       BLOB    NOT NULL CHECK (length(sha256) = 32),
    state        TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'held', 'composed', 'completed', 'failed', 'cancelled', 'expired')),
    reason       TEXT,
    input        TEXT    NOT NULL, -- JSON
    copies       TEXT    NOT NULL, -- JSON: results that a replay brought along, by address
    output       TEXT,             -- JSON
    external_id  TEXT    CHECK (length(external_id) BETWEEN 1 AND 200),
    started_by   BLOB    REFERENCES principals (id) ON DELETE RESTRICT,
    replay_of    BLOB,
    fair_key     TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    deadline_at  INTEGER NOT NULL,
    ended_at     INTEGER,
    rev          INTEGER NOT NULL CHECK (rev >= 1),
    detail       TEXT    NOT NULL, -- JSON: what else the state machine knows
    CHECK ((state IN ('completed', 'failed', 'cancelled', 'expired')) = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX runs_pipeline ON runs (publisher_id, pipeline_id, state, id);
CREATE INDEX runs_publisher ON runs (publisher_id, id);
CREATE UNIQUE INDEX runs_external ON runs (publisher_id, pipeline_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX runs_started_by ON runs (started_by) WHERE started_by IS NOT NULL;

-- Places of the input by which runs are listed.
CREATE TABLE run_search (
    publisher_id BLOB NOT NULL,
    pipeline_id  TEXT NOT NULL,
    pointer      TEXT NOT NULL,
    value        TEXT NOT NULL, -- JSON, canonical
    run_id       BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (publisher_id, pipeline_id, pointer, value, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_search_run ON run_search (run_id);

-- Ready tasks that are offered alike: a publisher's, under one fair key, of one priority and one requirement.
CREATE TABLE work_heads (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    publisher_id BLOB    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    pipeline_id  TEXT    NOT NULL,
    fair_key     TEXT    NOT NULL,
    weight       INTEGER NOT NULL CHECK (weight >= 1),
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    labels       TEXT    NOT NULL, -- JSON, a list
    trust        INTEGER NOT NULL CHECK (trust BETWEEN 0 AND 3)
) STRICT;
CREATE INDEX work_heads_publisher ON work_heads (publisher_id);

CREATE TABLE tasks (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    run_id       BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    publisher_id BLOB    NOT NULL,
    step         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    generation   INTEGER NOT NULL CHECK (generation >= 1),
    superseded   INTEGER NOT NULL CHECK (superseded IN (0, 1)),
    version      INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'delayed', 'ready', 'claimed', 'checking', 'waiting', 'done', 'skipped', 'dead', 'cancelled')),
    reason       TEXT,
    ready_at     INTEGER,
    head_id      BLOB, -- while it can be claimed
    item         TEXT, -- JSON
    input        TEXT, -- JSON
    candidate    TEXT, -- JSON
    detail       TEXT    NOT NULL, -- JSON: what else the state machine knows
    CHECK (head_id IS NULL OR state = 'ready'),
    UNIQUE (run_id, address, generation)
) STRICT;
CREATE INDEX tasks_state ON tasks (run_id, state);
CREATE INDEX tasks_head ON tasks (head_id, ready_at, id) WHERE head_id IS NOT NULL;
CREATE INDEX tasks_waiting ON tasks (publisher_id, id) WHERE state = 'waiting';

CREATE TABLE claims (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    task_id      BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    run_id       BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    publisher_id BLOB    NOT NULL,
    agent_id     BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    owner_id     BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    token_id     BLOB, -- the token that asked; none for a signature
    version      INTEGER NOT NULL,
    fence        INTEGER NOT NULL CHECK (fence >= 1),
    state        TEXT    NOT NULL CHECK (state IN ('live', 'submitted', 'released', 'expired', 'exhausted', 'cancelled')),
    granted_at   INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    touched      INTEGER NOT NULL CHECK (touched IN (0, 1)),
    note         TEXT, -- what the agent said when it gave the task back
    detail       TEXT    NOT NULL, -- JSON: what else the state machine knows
    UNIQUE (task_id, fence)
) STRICT;
CREATE UNIQUE INDEX claims_live ON claims (task_id) WHERE state = 'live';
CREATE INDEX claims_agent ON claims (agent_id, id);
CREATE INDEX claims_holder ON claims (agent_id) WHERE state = 'live';
CREATE INDEX claims_owner ON claims (owner_id);
CREATE INDEX claims_run ON claims (run_id);

-- The verdict of each result, by its hash.
CREATE TABLE submissions (
    claim_id      BLOB    NOT NULL REFERENCES claims (id) ON DELETE CASCADE,
    result_sha256 BLOB    NOT NULL CHECK (length(result_sha256) = 32),
    verdict       TEXT    NOT NULL, -- JSON
    notes         TEXT,
    at            INTEGER NOT NULL,
    PRIMARY KEY (claim_id, result_sha256)
) STRICT, WITHOUT ROWID;

-- Accepted results: one for each generation of an address.
CREATE TABLE results (
    task_id  BLOB    NOT NULL PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    claim_id BLOB,
    output   TEXT    NOT NULL, -- JSON
    sha256   BLOB    NOT NULL CHECK (length(sha256) = 32),
    at       INTEGER NOT NULL
) STRICT;

-- What happened, numbered without gaps.
CREATE TABLE run_events (
    run_id   BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq      INTEGER NOT NULL CHECK (seq >= 1),
    at       INTEGER NOT NULL,
    type     TEXT    NOT NULL,
    task_id  BLOB,
    claim_id BLOB,
    actor_id BLOB,
    data     TEXT    NOT NULL, -- JSON
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

-- How many runs or claims live under a key of `concurrency`.
CREATE TABLE slots (
    publisher_id BLOB    NOT NULL,
    pipeline_id  TEXT    NOT NULL,
    counts       TEXT    NOT NULL CHECK (counts IN ('runs', 'claims')),
    key_hash     BLOB    NOT NULL CHECK (length(key_hash) = 32),
    used         INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (publisher_id, pipeline_id, counts, key_hash)
) STRICT, WITHOUT ROWID;

-- What persons said where a person is asked.
CREATE TABLE approval_votes (
    task_id      BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    decision     TEXT    NOT NULL CHECK (decision IN ('approve', 'reject')),
    comment      TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (task_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_votes_principal ON approval_votes (principal_id);

CREATE TABLE dead_letters (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    publisher_id BLOB    NOT NULL,
    run_id       BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    task_id      BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    reason       TEXT    NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_publisher ON dead_letters (publisher_id, id);
CREATE INDEX dead_letters_run ON dead_letters (run_id);
CREATE INDEX dead_letters_task ON dead_letters (task_id);

-- How a publisher stands to an agent, where it has said so.
CREATE TABLE agent_publishers (
    agent_id     BLOB NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    publisher_id BLOB NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    state        TEXT NOT NULL CHECK (state IN ('listed', 'vouched', 'barred')),
    labels       TEXT NOT NULL, -- JSON, a list
    PRIMARY KEY (agent_id, publisher_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_publishers_publisher ON agent_publishers (publisher_id, agent_id);

-- What became of the work of agents: each claim counts once.
CREATE TABLE trust_ledger (
    claim_id     BLOB    NOT NULL PRIMARY KEY REFERENCES claims (id) ON DELETE CASCADE,
    agent_id     BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    publisher_id BLOB    NOT NULL,
    run_id       BLOB    NOT NULL,
    outcome      TEXT    NOT NULL CHECK (outcome IN ('accepted', 'rejected', 'expired')),
    at           INTEGER NOT NULL
) STRICT;
CREATE INDEX trust_ledger_agent ON trust_ledger (agent_id, publisher_id, at);
