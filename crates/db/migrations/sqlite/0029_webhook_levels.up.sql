-- Subscriptions that something else manages, the repository that an event is of, and what is sent once more by a filter
-- (hooks).
ALTER TABLE webhooks ADD COLUMN managed_by BLOB CHECK (managed_by IS NULL OR length(managed_by) = 16);
CREATE UNIQUE INDEX webhooks_managed ON webhooks (managed_by) WHERE managed_by IS NOT NULL AND state <> 'deleted';
ALTER TABLE webhook_payloads ADD COLUMN repository_id BLOB; -- none where the event is of no repository

CREATE TABLE webhook_resends (
    id          BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    webhook_id  BLOB NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    filter      TEXT NOT NULL, -- JSON
    total       INTEGER NOT NULL CHECK (total >= 0),
    resent      INTEGER NOT NULL DEFAULT 0 CHECK (resent >= 0),
    reached     BLOB, -- the last delivery that was looked at
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX webhook_resends_webhook ON webhook_resends (webhook_id);
CREATE INDEX webhook_resends_finished ON webhook_resends (finished_at) WHERE finished_at IS NOT NULL;
