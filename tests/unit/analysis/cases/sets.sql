-- union_widens
SELECT 1 AS a UNION ALL SELECT 2.5
-- union_distinct
SELECT a FROM t UNION SELECT z FROM u
-- same_column_twice
SELECT a, a FROM u UNION ALL SELECT a, z FROM u
-- intersect
SELECT a FROM t INTERSECT SELECT CAST(z AS BIGINT) FROM u
-- except_all
SELECT a FROM t EXCEPT ALL SELECT z FROM u
-- column_count
SELECT 1, 2 UNION SELECT 1
-- types
SELECT array(1) UNION SELECT 1
-- maps
SELECT m FROM t INTERSECT SELECT m FROM t
-- values
SELECT * FROM VALUES (1, 'a'), (2.5, NULL) AS v(p, q)
-- values_of_expressions
SELECT * FROM VALUES (1 + 1), (2)
-- range
SELECT * FROM range(1, 10, 2)
