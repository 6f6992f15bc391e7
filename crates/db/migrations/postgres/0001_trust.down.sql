DROP TABLE resources;
DROP TABLE install_state;
DROP TABLE request_nonces;
DROP TABLE auth_challenges;
DROP TABLE keys;
DROP TABLE principals;
