-- hidden_column
SELECT b FROM t ORDER BY x
-- hidden_beneath_filter
SELECT b FROM (SELECT * FROM t) WHERE a > 1 ORDER BY x, b
-- ordinal
SELECT b, a FROM t ORDER BY 2 DESC
-- all
SELECT b, a FROM t ORDER BY ALL
-- distinct_by_qualified_name
SELECT DISTINCT b FROM t ORDER BY t.b
-- distinct_hides
SELECT DISTINCT b FROM t ORDER BY a
-- ambiguous_aliases
SELECT a AS q, x AS q FROM t ORDER BY q
-- two_of_a_name_beneath
SELECT a, a AS a FROM t ORDER BY a
-- ordinal_out_of_range
SELECT a FROM t ORDER BY 2
-- limit_expression
SELECT a FROM t LIMIT 1 + 1 OFFSET 1
-- limit_negative
SELECT a FROM t LIMIT -1
-- limit_not_constant
SELECT a FROM t LIMIT a
-- limit_of_text
SELECT a FROM t LIMIT 'x'
