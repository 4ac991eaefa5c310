-- explode
SELECT a, explode(arr) FROM t
-- posexplode_named
SELECT posexplode(arr) AS (p, q) FROM t
-- map
SELECT explode(m) FROM t
-- outer
SELECT explode_outer(arr) AS e FROM t
-- two
SELECT explode(arr), explode(arr) FROM t
-- nested
SELECT 1 + explode(arr) FROM t
-- in_where
SELECT a FROM t WHERE explode(arr) > 1
-- from_clause
SELECT * FROM explode(array(1, 2))
-- wrong_number_of_names
SELECT posexplode(arr) AS (p, q, r) FROM t
-- lambda
SELECT transform(arr, (e, i) -> e + i + a) AS r FROM t
-- lambda_for_scalar
SELECT upper(e -> e) FROM t
