-- What is derived from a history so that no page walks it (hub). Every row here can be dropped and is made again equal.

-- Which numbering of its commits a repository has: another one after some were let go, so that what was made from the
-- former one is not believed.
ALTER TABLE repositories ADD COLUMN history_epoch BIGINT NOT NULL DEFAULT 0;

-- How far the rows below are: they are those of this commit.
CREATE TABLE index_states (
    repository_id UUID NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    head          BYTEA NOT NULL CHECK (length(head) = 32),
    PRIMARY KEY (repository_id, kind)
);

CREATE TABLE language_stats (
    repository_id UUID NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    language      TEXT NOT NULL,
    files         BIGINT NOT NULL,
    bytes         BIGINT NOT NULL,
    PRIMARY KEY (repository_id, language)
);

-- Whoever commits name as their author, and the agent that they name, as written.
CREATE TABLE contributor_stats (
    repository_id UUID NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    who           BYTEA NOT NULL CHECK (length(who) = 32), -- the hash of both names: they may be long
    author        TEXT NOT NULL,
    agent_id      TEXT NOT NULL,
    commits       BIGINT NOT NULL,
    first_at      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, who)
);

-- Commits of a day in UTC, counted from 1970.
CREATE TABLE commit_days (
    repository_id UUID NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    day           BIGINT NOT NULL,
    people        BIGINT NOT NULL,
    agents        BIGINT NOT NULL,
    PRIMARY KEY (repository_id, day)
);

-- For the entries of a directory, in their order, the commits that changed them last, as seen from a commit.
CREATE TABLE dir_last_commits (
    repository_id UUID NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    place         BYTEA NOT NULL CHECK (length(place) = 32), -- the hash of the path: it may be long
    commit_id     BYTEA NOT NULL,
    path          TEXT NOT NULL,
    branch        TEXT NOT NULL, -- whose head the commit was; empty for none
    answers       BYTEA NOT NULL,
    used_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, place, commit_id)
);
CREATE INDEX dir_last_commits_used ON dir_last_commits (used_at);
CREATE INDEX dir_last_commits_branch ON dir_last_commits (repository_id, branch);
