-- What happened, and what people keep an eye on (hub). Nothing else records that something happened: lists, feeds and
-- profiles are read from here.

CREATE TABLE activity (
    id            BLOB    PRIMARY KEY CHECK (length(id) = 16),
    at            INTEGER NOT NULL,
    type          TEXT    NOT NULL,
    actor_id      BLOB    REFERENCES principals (id) ON DELETE RESTRICT, -- nobody: the install itself
    on_behalf_of  BLOB    REFERENCES principals (id) ON DELETE RESTRICT,
    repository_id BLOB    REFERENCES repositories (id) ON DELETE CASCADE,
    other_id      BLOB    REFERENCES repositories (id) ON DELETE SET NULL, -- shown only to those who may see it too
    subject       TEXT    NOT NULL,
    sequence      INTEGER NOT NULL CHECK (sequence >= 1),
    data          TEXT    NOT NULL, -- in JSON
    confidential  INTEGER NOT NULL DEFAULT 0 CHECK (confidential IN (0, 1)),
    UNIQUE (subject, sequence)
) STRICT;
CREATE INDEX activity_repository ON activity (repository_id, id);
CREATE INDEX activity_actor ON activity (actor_id, id);
CREATE INDEX activity_behalf ON activity (on_behalf_of, id) WHERE on_behalf_of IS NOT NULL;
CREATE INDEX activity_other ON activity (other_id) WHERE other_id IS NOT NULL;

CREATE TABLE stars (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX stars_principal ON stars (principal_id, created_at);

-- Whoever has no row takes part when named: the level `participating`.
CREATE TABLE repository_subscriptions (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    level         TEXT    NOT NULL CHECK (level IN ('all', 'releases', 'ignore')),
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_subscriptions_principal ON repository_subscriptions (principal_id);

CREATE TABLE follows (
    followed_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (followed_id, principal_id),
    CHECK (followed_id <> principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX follows_principal ON follows (principal_id, created_at);

CREATE TABLE pinned_repositories (
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    position      INTEGER NOT NULL CHECK (position BETWEEN 0 AND 5),
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    PRIMARY KEY (principal_id, position),
    UNIQUE (principal_id, repository_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pinned_repositories_repository ON pinned_repositories (repository_id);

-- Signed commits of default branches, for the heat-maps of those whose keys signed them. Derived: made again from the
-- history that `head` leads to.
CREATE TABLE contributions (
    repository_id BLOB    NOT NULL,
    commit_id     BLOB    NOT NULL,
    signer        TEXT    NOT NULL, -- fingerprint of a key
    at            INTEGER NOT NULL,
    received_at   INTEGER NOT NULL,
    PRIMARY KEY (repository_id, commit_id),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX contributions_signer ON contributions (signer, at);

CREATE TABLE contribution_states (
    repository_id BLOB PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    head          BLOB NOT NULL CHECK (length(head) = 32)
) STRICT, WITHOUT ROWID;

ALTER TABLE repositories ADD COLUMN stars INTEGER NOT NULL DEFAULT 0 CHECK (stars >= 0);
ALTER TABLE repositories ADD COLUMN watchers INTEGER NOT NULL DEFAULT 0 CHECK (watchers >= 0);
-- What most of it is written in; empty while nobody has looked.
ALTER TABLE repositories ADD COLUMN language TEXT NOT NULL DEFAULT '';
CREATE INDEX repositories_stars ON repositories (stars, id);
