-- Pictures of accounts (trust): square, small, and written by this server.
CREATE TABLE avatars (
    principal_id BLOB    PRIMARY KEY REFERENCES principals (id) ON DELETE RESTRICT,
    png          BLOB    NOT NULL CHECK (length(png) BETWEEN 1 AND 1048576),
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    changed_at   INTEGER NOT NULL
) STRICT;
