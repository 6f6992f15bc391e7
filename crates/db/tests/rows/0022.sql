-- A repository in which Git has not moved a ref yet.
INSERT INTO git_moves (id, repository_id, began_at) VALUES (uuid(90), uuid(7), 1);
