-- What happened, and what people keep an eye on (hub). Nothing else records that something happened: lists, feeds and
-- profiles are read from here.

CREATE TABLE activity (
    id            UUID    PRIMARY KEY,
    at            BIGINT  NOT NULL,
    type          TEXT    NOT NULL,
    actor_id      UUID    REFERENCES principals (id) ON DELETE RESTRICT, -- nobody: the install itself
    on_behalf_of  UUID    REFERENCES principals (id) ON DELETE RESTRICT,
    repository_id UUID    REFERENCES repositories (id) ON DELETE CASCADE,
    other_id      UUID    REFERENCES repositories (id) ON DELETE SET NULL, -- shown only to those who may see it too
    subject       TEXT    NOT NULL,
    sequence      BIGINT  NOT NULL CHECK (sequence >= 1),
    data          TEXT    NOT NULL, -- in JSON
    confidential  BIGINT  NOT NULL DEFAULT 0 CHECK (confidential IN (0, 1)),
    UNIQUE (subject, sequence)
);
CREATE INDEX activity_repository ON activity (repository_id, id);
CREATE INDEX activity_actor ON activity (actor_id, id);
CREATE INDEX activity_behalf ON activity (on_behalf_of, id) WHERE on_behalf_of IS NOT NULL;
CREATE INDEX activity_other ON activity (other_id) WHERE other_id IS NOT NULL;

CREATE TABLE stars (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at    BIGINT  NOT NULL,
    PRIMARY KEY (repository_id, principal_id)
);
CREATE INDEX stars_principal ON stars (principal_id, created_at);

-- Whoever has no row takes part when named: the level `participating`.
CREATE TABLE repository_subscriptions (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    level         TEXT    NOT NULL CHECK (level IN ('all', 'releases', 'ignore')),
    created_at    BIGINT  NOT NULL,
    PRIMARY KEY (repository_id, principal_id)
);
CREATE INDEX repository_subscriptions_principal ON repository_subscriptions (principal_id);

CREATE TABLE follows (
    followed_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    principal_id UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at   BIGINT  NOT NULL,
    PRIMARY KEY (followed_id, principal_id),
    CHECK (followed_id <> principal_id)
);
CREATE INDEX follows_principal ON follows (principal_id, created_at);

CREATE TABLE pinned_repositories (
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    position      BIGINT  NOT NULL CHECK (position BETWEEN 0 AND 5),
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    PRIMARY KEY (principal_id, position),
    UNIQUE (principal_id, repository_id)
);
CREATE INDEX pinned_repositories_repository ON pinned_repositories (repository_id);

-- Signed commits of default branches, for the heat-maps of those whose keys signed them. Derived: made again from the
-- history that `head` leads to.
CREATE TABLE contributions (
    repository_id UUID    NOT NULL,
    commit_id     BYTEA   NOT NULL,
    signer        TEXT    NOT NULL, -- fingerprint of a key
    at            BIGINT  NOT NULL,
    received_at   BIGINT  NOT NULL,
    PRIMARY KEY (repository_id, commit_id),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
);
CREATE INDEX contributions_signer ON contributions (signer, at);

CREATE TABLE contribution_states (
    repository_id UUID PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    head          BYTEA NOT NULL CHECK (length(head) = 32)
);

ALTER TABLE repositories ADD COLUMN stars BIGINT NOT NULL DEFAULT 0 CHECK (stars >= 0);
ALTER TABLE repositories ADD COLUMN watchers BIGINT NOT NULL DEFAULT 0 CHECK (watchers >= 0);
-- What most of it is written in; empty while nobody has looked.
ALTER TABLE repositories ADD COLUMN language TEXT NOT NULL DEFAULT '';
CREATE INDEX repositories_stars ON repositories (stars, id);
