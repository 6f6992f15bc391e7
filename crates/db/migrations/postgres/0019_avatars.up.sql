-- Pictures of accounts (trust): square, small, and written by this server.
CREATE TABLE avatars (
    principal_id UUID    PRIMARY KEY REFERENCES principals (id) ON DELETE RESTRICT,
    png          BYTEA   NOT NULL CHECK (length(png) BETWEEN 1 AND 1048576),
    digest       BYTEA   NOT NULL CHECK (length(digest) = 32),
    changed_at   BIGINT  NOT NULL
);
