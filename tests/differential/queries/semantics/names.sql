-- case_insensitive_columns
SELECT ID, Name FROM EMP WHERE iD = 1
-- output_keeps_query_case
SELECT NAME, emp.Name FROM emp WHERE id = 1
-- star
SELECT * FROM dept ORDER BY dept
-- star_qualified
SELECT emp.* FROM emp WHERE id = 1
-- star_except
SELECT * EXCEPT (salary, hired) FROM emp WHERE id = 1
-- star_except_unknown
SELECT * EXCEPT (nope) FROM emp
-- star_struct
SELECT st.* FROM nested WHERE id = 1
-- star_in_count
SELECT count(*) AS a, count(emp.*) AS b FROM emp
-- qualified_by_alias
SELECT e.id FROM emp AS e WHERE e.id = 2
-- original_name_hidden_by_alias
SELECT emp.id FROM emp AS e
-- backquoted_names
SELECT 1 AS `a b`, 2 AS `x.y`, 3 AS `select`
-- backquoted_reference
SELECT `a b` + 1 AS r FROM (SELECT 1 AS `a b`)
-- dotted_name_needs_quotes
SELECT x.y FROM (SELECT 1 AS `x.y`)
-- alias_without_as
SELECT id i, name n FROM emp e WHERE e.id = 1
-- double_quote_is_string
SELECT "id" AS a FROM emp WHERE id = 1
-- lateral_alias
SELECT id + 1 AS a, a * 2 AS b, b + a AS c FROM emp ORDER BY id LIMIT 2
-- lateral_alias_column_wins
SELECT -id AS salary, salary AS x FROM emp WHERE id = 1
-- lateral_alias_aggregate
SELECT sum(id) AS s, s / 2 AS h, s + count(*) AS t FROM emp
-- lateral_alias_ambiguous
SELECT 1 AS a, 2 AS a, a + 1 AS b
-- lateral_alias_in_where
SELECT id + 1 AS a FROM emp WHERE a > 3
-- alias_in_group_by
SELECT id % 2 AS parity, count(*) AS n FROM emp GROUP BY parity ORDER BY parity
-- struct_field_access
SELECT st.p AS a, st.q FROM nested WHERE id = 1
-- struct_field_case
SELECT ST.P, nested.st.Q FROM nested WHERE id = 1
-- struct_unknown_field
SELECT st.zzz FROM nested
-- field_of_non_struct
SELECT id.x FROM nested
-- array_and_map_access
SELECT arr[0] AS a, m['x'] AS b, element_at(arr, 1) AS c, element_at(arr, -1) AS d FROM nested WHERE id = 1
-- array_of_structs_field
SELECT s.a FROM (SELECT array(named_struct('a', 1), named_struct('a', 2)) AS s)
-- expression_names
SELECT id + 1, -id, id * 2.5, id = 1, NOT true, id IS NOT NULL, id IN (1, 2), id BETWEEN 1 AND 2, CASE WHEN id = 1 THEN 'a' ELSE 'b' END FROM emp WHERE id = 1
-- literal_names
SELECT 1, 'x', 1.5, NULL, true, DATE '2024-01-01', TIMESTAMP '2024-01-01 00:00:00', 1.0D, 2L, X'41', -1, INTERVAL 1 DAY
-- function_names
SELECT abs(-1), round(1.55, 1), coalesce(NULL, 1), if(true, 1, 2), nvl(1, 2), substring('a', 1), date_add(DATE '2024-01-01', 1), array(1, 2), struct(1, 2), named_struct('a', 1)
-- aggregate_names
SELECT count(*), count(1), sum(id), avg(id), min(name), count(DISTINCT dept), stddev(id), sum(id + 1), sum(DISTINCT id), first(id), collect_list(id), max(id) - min(id) FROM emp WHERE id = 1
-- cast_expression_names
SELECT CAST(id AS STRING), CAST(1 AS DOUBLE), id::BIGINT, EXTRACT(YEAR FROM hired), name || 'x', arr[0], st.p, m['x'], name LIKE 'A%' FROM emp JOIN nested USING (id) WHERE id = 1
-- operator_names
SELECT 1 <=> 2, 1 <> 2, 1 != 2, 3 % 2, 3 div 2, true AND false, true OR false, !true, 1 == 1, 'a' RLIKE 'b', 1 IN (1), 1 NOT IN (1)
-- subquery_column_name
SELECT (SELECT 1) + 1, EXISTS (SELECT 1), 1 IN (SELECT 1)
-- select_without_from
SELECT 1 AS a WHERE true
-- select_where_false
SELECT 1 AS a WHERE false
-- comments
SELECT /* block /* nested */ */ 1 AS a -- trailing
-- trailing_semicolon
SELECT 1 AS a;
-- unicode_names
SELECT 1 AS `größe`, 'ß' AS s
-- if_and_iff
SELECT if(1 > 2, 'a', 'b') AS a, if(NULL, 1, 2) AS b
-- current_database_user
SELECT current_database() AS a, current_catalog() AS b, current_schema() AS c
-- identifier_clause
SELECT IDENTIFIER('id') AS a FROM IDENTIFIER('emp') WHERE id = 1
-- parameterless_functions
SELECT pi() AS a, e() AS b, current_timezone() AS c
