UPDATE idempotent_requests SET taken_by = uuid(76) WHERE key = 'once';
UPDATE resources SET left_in = 'live' WHERE id = uuid(7);
