-- The languages of a month.
INSERT INTO language_months (repository_id, month, commit_id, languages) VALUES (uuid(7), '2026-11', hash(24), '{"Rust":3}');
