-- A repository of which a file can be found, and which is on its way to another commit.
INSERT INTO search_states (repository_id, form, head, target, done_path, files_done, commits_done, updated_at)
VALUES (uuid(7), 1, hash(24), hash(24), 'a.txt', 0, 0, 1);
INSERT INTO search_documents (id, repository_id, kind, name, language, size_bytes, happened_at)
VALUES (1, uuid(7), 'file', 'a.txt', 'Text', 3, 0);
INSERT INTO search_texts (document_id, packed) VALUES (1, hash(60));
INSERT INTO search_terms (rowid, terms) VALUES (1, 'fa fwtide');
