ALTER TABLE resources DROP COLUMN left_in;
ALTER TABLE idempotent_requests DROP COLUMN taken_by;
