-- What is derived from a history so that no page walks it (hub). Every row here can be dropped and is made again equal.

-- Which numbering of its commits a repository has: another one after some were let go, so that what was made from the
-- former one is not believed.
ALTER TABLE repositories ADD COLUMN history_epoch INTEGER NOT NULL DEFAULT 0;

-- How far the rows below are: they are those of this commit.
CREATE TABLE index_states (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL,
    head          BLOB NOT NULL CHECK (length(head) = 32),
    PRIMARY KEY (repository_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE language_stats (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    language      TEXT NOT NULL,
    files         INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    PRIMARY KEY (repository_id, language)
) STRICT, WITHOUT ROWID;

-- Whoever commits name as their author, and the agent that they name, as written.
CREATE TABLE contributor_stats (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    who           BLOB NOT NULL CHECK (length(who) = 32), -- the hash of both names: they may be long
    author        TEXT NOT NULL,
    agent_id      TEXT NOT NULL,
    commits       INTEGER NOT NULL,
    first_at      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    PRIMARY KEY (repository_id, who)
) STRICT, WITHOUT ROWID;

-- Commits of a day in UTC, counted from 1970.
CREATE TABLE commit_days (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    day           INTEGER NOT NULL,
    people        INTEGER NOT NULL,
    agents        INTEGER NOT NULL,
    PRIMARY KEY (repository_id, day)
) STRICT, WITHOUT ROWID;

-- For the entries of a directory, in their order, the commits that changed them last, as seen from a commit.
CREATE TABLE dir_last_commits (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    place         BLOB NOT NULL CHECK (length(place) = 32), -- the hash of the path: it may be long
    commit_id     BLOB NOT NULL,
    path          TEXT NOT NULL,
    branch        TEXT NOT NULL, -- whose head the commit was; empty for none
    answers       BLOB NOT NULL,
    used_at       INTEGER NOT NULL,
    PRIMARY KEY (repository_id, place, commit_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dir_last_commits_used ON dir_last_commits (used_at);
CREATE INDEX dir_last_commits_branch ON dir_last_commits (repository_id, branch);
