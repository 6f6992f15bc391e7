ALTER TABLE commits DROP COLUMN agent_label;
