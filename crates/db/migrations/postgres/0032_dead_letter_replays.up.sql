-- Dead letters that are replayed together, or laid aside (pipelines).
CREATE TABLE dead_letter_replays (
    id           UUID   NOT NULL PRIMARY KEY,
    publisher_id UUID   NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    asked_by     UUID   REFERENCES principals (id) ON DELETE RESTRICT,
    asked_at     BIGINT NOT NULL,
    ended_at     BIGINT,
    total        BIGINT NOT NULL CHECK (total >= 0),
    replayed     BIGINT NOT NULL DEFAULT 0 CHECK (replayed >= 0),
    refused      BIGINT NOT NULL DEFAULT 0 CHECK (refused >= 0),
    CHECK (replayed + refused <= total)
);
CREATE INDEX dead_letter_replays_publisher ON dead_letter_replays (publisher_id, id);
CREATE INDEX dead_letter_replays_asked_by ON dead_letter_replays (asked_by) WHERE asked_by IS NOT NULL;

ALTER TABLE dead_letters ADD COLUMN discarded_at BIGINT;
ALTER TABLE dead_letters ADD COLUMN replay_id UUID; -- which takes care of it, or did
ALTER TABLE dead_letters ADD COLUMN replayed_by UUID; -- the run in which it is tried again
ALTER TABLE dead_letters ADD COLUMN refused TEXT; -- why the last replay could not
CREATE INDEX dead_letters_open ON dead_letters (publisher_id, id) WHERE discarded_at IS NULL AND replay_id IS NULL;
CREATE INDEX dead_letters_waiting ON dead_letters (replay_id, run_id, id) WHERE replay_id IS NOT NULL AND replayed_by IS NULL;

-- In which runs an agent held claims.
DROP INDEX claims_agent;
CREATE INDEX claims_agent ON claims (agent_id, run_id);
