DROP TABLE object_places;
DROP TABLE segments;
DROP TABLE objects;
