DROP INDEX claims_agent;
CREATE INDEX claims_agent ON claims (agent_id, id);
DROP INDEX dead_letters_waiting;
DROP INDEX dead_letters_open;
ALTER TABLE dead_letters DROP COLUMN refused;
ALTER TABLE dead_letters DROP COLUMN replayed_by;
ALTER TABLE dead_letters DROP COLUMN replay_id;
ALTER TABLE dead_letters DROP COLUMN discarded_at;
DROP TABLE dead_letter_replays;
