-- In which languages a history was written, month by month (hub): derived, as what is in 0017.
CREATE TABLE language_months (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    month         TEXT NOT NULL, -- as 2026-11
    commit_id     BLOB NOT NULL CHECK (length(commit_id) = 32), -- the last commit of it
    languages     TEXT NOT NULL, -- JSON: bytes by language
    PRIMARY KEY (repository_id, month)
) STRICT, WITHOUT ROWID;
-- What was counted is counted again, by the languages as they are told apart now: nothing knows this name.
UPDATE index_states SET kind = 'numbers.1' WHERE kind = 'numbers';
