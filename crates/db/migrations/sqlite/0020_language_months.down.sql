UPDATE index_states SET kind = 'numbers'
 WHERE kind = 'numbers.1' AND NOT EXISTS
       (SELECT 1 FROM index_states AS o WHERE o.repository_id = index_states.repository_id AND o.kind = 'numbers');
DELETE FROM index_states WHERE kind = 'numbers.1';
DROP TABLE language_months;
