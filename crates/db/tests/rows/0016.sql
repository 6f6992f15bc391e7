-- A commit that its agent pushed itself.
UPDATE commits SET agent_id = 'note-g', agent_label = 'registered' WHERE repository_id = uuid(7) AND id = hash(24);
