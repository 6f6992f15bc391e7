DROP TABLE releases;
DROP TABLE commit_labels;
DROP TABLE upload_addresses;
