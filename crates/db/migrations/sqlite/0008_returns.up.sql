-- Which request a row of a POST with an `Idempotency-Key` belongs to (trust): its own later transactions are not taken
-- for another one with the same key.
ALTER TABLE idempotent_requests ADD COLUMN taken_by BLOB CHECK (length(taken_by) = 16);

-- In which state a thing was when its owner left: so it comes back, if its owner does (trust).
ALTER TABLE resources ADD COLUMN left_in TEXT CHECK (left_in IN ('nascent', 'live', 'archived'));
