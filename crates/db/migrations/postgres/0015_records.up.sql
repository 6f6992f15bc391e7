-- What a repository takes in, and who is asked into it (hub).
ALTER TABLE repositories ADD COLUMN is_template BIGINT NOT NULL DEFAULT 0 CHECK (is_template IN (0, 1));
-- Nothing: as is usual for its domain.
ALTER TABLE repositories ADD COLUMN content_policy TEXT CHECK (content_policy IN ('off', 'warn', 'enforce'));
ALTER TABLE repositories ADD COLUMN clashing_paths TEXT NOT NULL DEFAULT 'allow'
    CHECK (clashing_paths IN ('allow', 'refuse'));

-- Somebody who may take a level on a repository, or leave it.
CREATE TABLE repository_invitations (
    id            UUID    PRIMARY KEY,
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    level         TEXT    NOT NULL CHECK (level IN ('read', 'triage', 'write', 'admin')),
    invited_by    UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at    BIGINT  NOT NULL,
    ends_at       BIGINT  NOT NULL,
    UNIQUE (repository_id, principal_id)
);
CREATE INDEX repository_invitations_principal ON repository_invitations (principal_id);
CREATE INDEX repository_invitations_by ON repository_invitations (invited_by);
