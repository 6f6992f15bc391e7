-- Repositories are described, handed on and forked (hub).
ALTER TABLE repositories ADD COLUMN licence TEXT NOT NULL DEFAULT '';
-- Nothing: public ones can be forked, private ones not.
ALTER TABLE repositories ADD COLUMN allow_forks BIGINT CHECK (allow_forks IN (0, 1));

CREATE TABLE repository_topics (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    topic         TEXT    NOT NULL CHECK (topic = lower(topic)),
    PRIMARY KEY (repository_id, topic)
);
CREATE INDEX repository_topics_topic ON repository_topics (topic, repository_id);

-- A repository that waits for somebody else to take it; one at a time.
CREATE TABLE repository_transfers (
    id            UUID    PRIMARY KEY,
    repository_id UUID    NOT NULL UNIQUE REFERENCES repositories (id) ON DELETE CASCADE,
    to_id         UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    to_handle     TEXT    NOT NULL, -- fixed for life, so a copy cannot go stale
    asked_by      UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at    BIGINT  NOT NULL,
    ends_at       BIGINT  NOT NULL
);
CREATE INDEX repository_transfers_to ON repository_transfers (to_id);
CREATE INDEX repository_transfers_asked ON repository_transfers (asked_by);

-- Which repository was made from which, and whether its history is being copied still.
CREATE TABLE repository_forks (
    repository_id UUID    PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    source_id     UUID    REFERENCES repositories (id) ON DELETE SET NULL,
    default_only  BIGINT  NOT NULL CHECK (default_only IN (0, 1)),
    state         TEXT    NOT NULL CHECK (state IN ('copying', 'ready')),
    created_at    BIGINT  NOT NULL
);
CREATE INDEX repository_forks_source ON repository_forks (source_id);

-- What a fork took over from its source is nobody's quota.
ALTER TABLE repository_objects ADD COLUMN inherited BIGINT NOT NULL DEFAULT 0 CHECK (inherited IN (0, 1));

-- A thing that was made from a private one is there only while its owner may read that (trust).
CREATE TABLE bound_resources (
    id           UUID    PRIMARY KEY REFERENCES resources (id) ON DELETE CASCADE,
    source_id    UUID    REFERENCES resources (id) ON DELETE SET NULL,
    suspended_at BIGINT
);
CREATE INDEX bound_resources_source ON bound_resources (source_id);
CREATE INDEX bound_resources_suspended ON bound_resources (suspended_at) WHERE suspended_at IS NOT NULL;
