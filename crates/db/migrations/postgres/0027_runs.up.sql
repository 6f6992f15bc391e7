-- Runs of pipelines, their tasks, and who claims them (pipelines).
CREATE TABLE runs (
    id           UUID    NOT NULL PRIMARY KEY,
    publisher_id UUID    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    pipeline_id  TEXT    NOT NULL,
    version      BIGINT  NOT NULL CHECK (version >= 1),
    sha256       BYTEA   NOT NULL CHECK (length(sha256) = 32),
    state        TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'held', 'composed', 'completed', 'failed', 'cancelled', 'expired')),
    reason       TEXT,
    input        TEXT    NOT NULL, -- JSON
    copies       TEXT    NOT NULL, -- JSON: results that a replay brought along, by address
    output       TEXT,             -- JSON
    external_id  TEXT    CHECK (length(external_id) BETWEEN 1 AND 200),
    started_by   UUID    REFERENCES principals (id) ON DELETE RESTRICT,
    replay_of    UUID,
    fair_key     TEXT    NOT NULL,
    started_at   BIGINT  NOT NULL,
    deadline_at  BIGINT  NOT NULL,
    ended_at     BIGINT ,
    rev          BIGINT  NOT NULL CHECK (rev >= 1),
    detail       TEXT    NOT NULL, -- JSON: what else the state machine knows
    CHECK ((state IN ('completed', 'failed', 'cancelled', 'expired')) = (ended_at IS NOT NULL))
);
CREATE INDEX runs_pipeline ON runs (publisher_id, pipeline_id, state, id);
CREATE INDEX runs_publisher ON runs (publisher_id, id);
CREATE UNIQUE INDEX runs_external ON runs (publisher_id, pipeline_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX runs_started_by ON runs (started_by) WHERE started_by IS NOT NULL;

-- Places of the input by which runs are listed.
CREATE TABLE run_search (
    publisher_id UUID NOT NULL,
    pipeline_id  TEXT NOT NULL,
    pointer      TEXT NOT NULL,
    value        TEXT NOT NULL, -- JSON, canonical
    run_id       UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (publisher_id, pipeline_id, pointer, value, run_id)
);
CREATE INDEX run_search_run ON run_search (run_id);

-- Ready tasks that are offered alike: a publisher's, under one fair key, of one priority and one requirement.
CREATE TABLE work_heads (
    id           UUID    NOT NULL PRIMARY KEY,
    publisher_id UUID    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    pipeline_id  TEXT    NOT NULL,
    fair_key     TEXT    NOT NULL,
    weight       BIGINT  NOT NULL CHECK (weight >= 1),
    priority     BIGINT  NOT NULL CHECK (priority BETWEEN 0 AND 9),
    labels       TEXT    NOT NULL, -- JSON, a list
    trust        BIGINT  NOT NULL CHECK (trust BETWEEN 0 AND 3)
);
CREATE INDEX work_heads_publisher ON work_heads (publisher_id);

CREATE TABLE tasks (
    id           UUID    NOT NULL PRIMARY KEY,
    run_id       UUID    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    publisher_id UUID    NOT NULL,
    step         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    generation   BIGINT  NOT NULL CHECK (generation >= 1),
    superseded   BIGINT  NOT NULL CHECK (superseded IN (0, 1)),
    version      BIGINT  NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'delayed', 'ready', 'claimed', 'checking', 'waiting', 'done', 'skipped', 'dead', 'cancelled')),
    reason       TEXT,
    ready_at     BIGINT ,
    head_id      UUID, -- while it can be claimed
    item         TEXT, -- JSON
    input        TEXT, -- JSON
    candidate    TEXT, -- JSON
    detail       TEXT    NOT NULL, -- JSON: what else the state machine knows
    CHECK (head_id IS NULL OR state = 'ready'),
    UNIQUE (run_id, address, generation)
);
CREATE INDEX tasks_state ON tasks (run_id, state);
CREATE INDEX tasks_head ON tasks (head_id, ready_at, id) WHERE head_id IS NOT NULL;
CREATE INDEX tasks_waiting ON tasks (publisher_id, id) WHERE state = 'waiting';

CREATE TABLE claims (
    id           UUID    NOT NULL PRIMARY KEY,
    task_id      UUID    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    run_id       UUID    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    publisher_id UUID    NOT NULL,
    agent_id     UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    owner_id     UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    token_id     UUID, -- the token that asked; none for a signature
    version      BIGINT  NOT NULL,
    fence        BIGINT  NOT NULL CHECK (fence >= 1),
    state        TEXT    NOT NULL CHECK (state IN ('live', 'submitted', 'released', 'expired', 'exhausted', 'cancelled')),
    granted_at   BIGINT  NOT NULL,
    ends_at      BIGINT  NOT NULL,
    touched      BIGINT  NOT NULL CHECK (touched IN (0, 1)),
    note         TEXT, -- what the agent said when it gave the task back
    detail       TEXT    NOT NULL, -- JSON: what else the state machine knows
    UNIQUE (task_id, fence)
);
CREATE UNIQUE INDEX claims_live ON claims (task_id) WHERE state = 'live';
CREATE INDEX claims_agent ON claims (agent_id, id);
CREATE INDEX claims_holder ON claims (agent_id) WHERE state = 'live';
CREATE INDEX claims_owner ON claims (owner_id);
CREATE INDEX claims_run ON claims (run_id);

-- The verdict of each result, by its hash.
CREATE TABLE submissions (
    claim_id      UUID    NOT NULL REFERENCES claims (id) ON DELETE CASCADE,
    result_sha256 BYTEA   NOT NULL CHECK (length(result_sha256) = 32),
    verdict       TEXT    NOT NULL, -- JSON
    notes         TEXT,
    at            BIGINT  NOT NULL,
    PRIMARY KEY (claim_id, result_sha256)
);

-- Accepted results: one for each generation of an address.
CREATE TABLE results (
    task_id  UUID    NOT NULL PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    claim_id UUID,
    output   TEXT    NOT NULL, -- JSON
    sha256   BYTEA   NOT NULL CHECK (length(sha256) = 32),
    at       BIGINT  NOT NULL
);

-- What happened, numbered without gaps.
CREATE TABLE run_events (
    run_id   UUID    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq      BIGINT  NOT NULL CHECK (seq >= 1),
    at       BIGINT  NOT NULL,
    type     TEXT    NOT NULL,
    task_id  UUID,
    claim_id UUID,
    actor_id UUID,
    data     TEXT    NOT NULL, -- JSON
    PRIMARY KEY (run_id, seq)
);

-- How many runs or claims live under a key of `concurrency`.
CREATE TABLE slots (
    publisher_id UUID    NOT NULL,
    pipeline_id  TEXT    NOT NULL,
    counts       TEXT    NOT NULL CHECK (counts IN ('runs', 'claims')),
    key_hash     BYTEA   NOT NULL CHECK (length(key_hash) = 32),
    used         BIGINT  NOT NULL CHECK (used >= 0),
    PRIMARY KEY (publisher_id, pipeline_id, counts, key_hash)
);

-- What persons said where a person is asked.
CREATE TABLE approval_votes (
    task_id      UUID    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    principal_id UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    decision     TEXT    NOT NULL CHECK (decision IN ('approve', 'reject')),
    comment      TEXT    NOT NULL,
    at           BIGINT  NOT NULL,
    PRIMARY KEY (task_id, principal_id)
);
CREATE INDEX approval_votes_principal ON approval_votes (principal_id);

CREATE TABLE dead_letters (
    id           UUID    NOT NULL PRIMARY KEY,
    publisher_id UUID    NOT NULL,
    run_id       UUID    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    task_id      UUID    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    reason       TEXT    NOT NULL,
    at           BIGINT  NOT NULL
);
CREATE INDEX dead_letters_publisher ON dead_letters (publisher_id, id);
CREATE INDEX dead_letters_run ON dead_letters (run_id);
CREATE INDEX dead_letters_task ON dead_letters (task_id);

-- How a publisher stands to an agent, where it has said so.
CREATE TABLE agent_publishers (
    agent_id     UUID NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    publisher_id UUID NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    state        TEXT NOT NULL CHECK (state IN ('listed', 'vouched', 'barred')),
    labels       TEXT NOT NULL, -- JSON, a list
    PRIMARY KEY (agent_id, publisher_id)
);
CREATE INDEX agent_publishers_publisher ON agent_publishers (publisher_id, agent_id);

-- What became of the work of agents: each claim counts once.
CREATE TABLE trust_ledger (
    claim_id     UUID    NOT NULL PRIMARY KEY REFERENCES claims (id) ON DELETE CASCADE,
    agent_id     UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    publisher_id UUID    NOT NULL,
    run_id       UUID    NOT NULL,
    outcome      TEXT    NOT NULL CHECK (outcome IN ('accepted', 'rejected', 'expired')),
    at           BIGINT  NOT NULL
);
CREATE INDEX trust_ledger_agent ON trust_ledger (agent_id, publisher_id, at);
