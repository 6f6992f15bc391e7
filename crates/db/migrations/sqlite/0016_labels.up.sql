-- How far an agent that a commit names is known (hub): nothing where it names none. `unknown` is the flag of an agent
-- that nobody vouches for.

ALTER TABLE commits ADD COLUMN agent_label TEXT CHECK (agent_label IN ('registered', 'prefix', 'unknown'));
UPDATE commits SET agent_label = 'unknown' WHERE agent_id <> '';
