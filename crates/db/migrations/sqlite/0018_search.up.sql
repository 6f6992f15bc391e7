-- Search (hub). Documents of the default branches, derived from the store and made again from it at any time. Each is
-- of one repository, and whoever may not read that finds none of them: every search joins `resources`.

ALTER TABLE repositories ADD COLUMN indexed INTEGER NOT NULL DEFAULT 1 CHECK (indexed IN (0, 1));

-- How far the documents of a repository have come.
CREATE TABLE search_states (
    repository_id BLOB    PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    form          INTEGER NOT NULL, -- how documents were made; others are made again
    head          BLOB    CHECK (length(head) = 32), -- the commit that they are of
    target        BLOB    CHECK (length(target) = 32), -- the commit that they are on their way to
    done_path     TEXT    NOT NULL DEFAULT '', -- of that, files up to here are done
    files_done    INTEGER NOT NULL DEFAULT 0 CHECK (files_done IN (0, 1)),
    commits_done  INTEGER NOT NULL DEFAULT 0 CHECK (commits_done >= 0),
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE search_documents (
    id            INTEGER PRIMARY KEY,
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    kind          TEXT    NOT NULL CHECK (kind IN ('file', 'commit', 'repository')),
    name          TEXT    NOT NULL, -- the path, or the id of the commit
    language      TEXT    NOT NULL DEFAULT '',
    size_bytes    INTEGER NOT NULL DEFAULT 0,
    happened_at   INTEGER NOT NULL DEFAULT 0, -- when a commit says it was made
    UNIQUE (repository_id, kind, name)
) STRICT;

-- What a document says, packed.
CREATE TABLE search_texts (
    document_id INTEGER PRIMARY KEY REFERENCES search_documents (id) ON DELETE CASCADE,
    packed      BLOB    NOT NULL
) STRICT;

-- Which terms a document holds, and nothing else of it.
CREATE VIRTUAL TABLE search_terms USING fts5 (
    terms, content = '', contentless_delete = 1, detail = none, tokenize = "ascii tokenchars '_'"
);
CREATE TRIGGER search_documents_gone AFTER DELETE ON search_documents BEGIN
    DELETE FROM search_terms WHERE rowid = old.id;
END;
