DROP TABLE search_terms;
DROP TABLE search_texts;
DROP TABLE search_documents;
DROP TABLE search_states;
ALTER TABLE repositories DROP COLUMN indexed;
