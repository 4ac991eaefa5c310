-- unresolved_column
SELECT nam FROM emp
-- unresolved_column_no_source
SELECT nope
-- unresolved_qualified_column
SELECT x.id FROM emp
-- unresolved_in_where
SELECT id FROM emp WHERE nope = 1
-- unresolved_in_group_by
SELECT count(*) FROM emp GROUP BY nope
-- unresolved_in_aggregate
SELECT sum(nope) FROM emp
-- unresolved_star_qualifier
SELECT x.* FROM emp
-- table_not_found
SELECT * FROM no_such_table
-- schema_qualified_table_not_found
SELECT * FROM nowhere.no_such_table
-- function_not_found
SELECT no_such_function(1)
-- function_not_found_in_from
SELECT * FROM no_such_function(1)
-- ambiguous_reference
SELECT k FROM pairs, others
-- ambiguous_self_join
SELECT id FROM emp a JOIN emp b ON a.id = b.manager
-- ambiguous_in_where
SELECT a.k FROM pairs a JOIN others b ON a.k = b.k WHERE v = 1
-- datatype_mismatch_binary
SELECT array(1) + 1
-- datatype_mismatch_and
SELECT 1 AND true
-- datatype_mismatch_not
SELECT NOT 5
-- datatype_mismatch_cast
SELECT CAST(map('a', 1) AS INT)
-- datatype_mismatch_case
SELECT CASE WHEN 1 THEN 2 END
-- datatype_mismatch_case_branches
SELECT CASE WHEN true THEN 1 ELSE array(1) END
-- datatype_mismatch_in
SELECT 1 IN (array(1))
-- datatype_mismatch_comparison
SELECT 1 = array(1)
-- datatype_mismatch_date_int
SELECT DATE '2024-01-01' = 1
-- datatype_mismatch_like
SELECT array('a') LIKE 'a'
-- datatype_mismatch_sum_boolean
SELECT sum(true)
-- datatype_mismatch_avg_date
SELECT avg(DATE '2024-01-01')
-- datatype_mismatch_coalesce
SELECT coalesce(1, array(1))
-- datatype_mismatch_if
SELECT if(1, 2, 3)
-- datatype_mismatch_negate_string
SELECT -array(1)
-- datatype_mismatch_max_map
SELECT max(m) FROM nested
-- datatype_mismatch_between
SELECT 1 BETWEEN 'a' AND array(1)
-- wrong_arguments_none
SELECT abs()
-- wrong_arguments_many
SELECT abs(1, 2)
-- wrong_arguments_aggregate
SELECT sum(1, 2) FROM emp
-- count_no_arguments
SELECT count() FROM emp
-- distinct_on_scalar_function
SELECT upper(DISTINCT name) FROM emp
-- filter_on_scalar_function
SELECT upper(name) FILTER (WHERE id = 1) FROM emp
-- syntax_select
SELEC 1
-- syntax_missing_from_item
SELECT * FROM
-- syntax_unbalanced
SELECT (1 + 2
-- where_is_no_reserved_word
SELECT 1 AS a FROM emp WHERE
-- syntax_bad_alias
SELECT 1 AS 2
-- syntax_two_statements
SELECT 1 SELECT 2
-- syntax_unclosed_string
SELECT 'abc
-- syntax_unclosed_comment
SELECT 1 /* never closed
-- syntax_empty_backquotes
SELECT `` FROM emp
-- syntax_group_by_nothing
SELECT 1 FROM emp GROUP BY
-- limit_is_no_reserved_word
SELECT 1 FROM emp LIMIT
-- syntax_join_without_table
SELECT 1 FROM emp JOIN ON true
-- syntax_case_without_end
SELECT CASE WHEN true THEN 1
-- syntax_unknown_statement
FROBNICATE emp
-- unknown_type
SELECT CAST(1 AS FANCY)
-- decimal_precision_too_large
SELECT CAST(1 AS DECIMAL(39,0))
-- decimal_scale_too_large
SELECT CAST(1 AS DECIMAL(5,6))
-- literal_too_precise
SELECT 1234567890123456789012345678901234567890.0
-- byte_literal_overflow
SELECT 300Y
-- long_literal_overflow
SELECT 99999999999999999999L
-- double_literal_overflow
SELECT 1e999D
-- invalid_interval
SELECT INTERVAL 'x' DAY
-- invalid_interval_unit
SELECT INTERVAL 1 FORTNIGHT
-- invalid_timestamp_literal
SELECT TIMESTAMP 'some day'
-- invalid_binary_literal
SELECT X'4G'
-- invalid_regexp
SELECT regexp_replace('a', '[', 'b')
-- invalid_like_escape
SELECT 'a' LIKE 'ab#' ESCAPE '#'
-- raise_error
SELECT raise_error('stop here')
-- assert_true_fails
SELECT assert_true(1 = 2)
-- divide_by_zero_in_aggregate
SELECT sum(1 / (id - 1)) FROM emp
-- cast_error_in_where
SELECT id FROM emp WHERE CAST(name AS INT) = 1
-- cast_error_in_join
SELECT 1 FROM emp e JOIN dept d ON CAST(e.name AS INT) = d.dept
-- overflow_in_aggregate
SELECT sum(CAST(id AS TINYINT) * 100Y) FROM emp
-- non_deterministic_in_group
SELECT count(*) FROM emp GROUP BY rand()
-- sum_of_array
SELECT sum(arr) FROM nested
-- having_unresolved
SELECT dept FROM emp GROUP BY dept HAVING nope > 1
-- insert_into_view
INSERT INTO emp VALUES (1)
-- drop_missing_table
DROP TABLE no_such_table
-- use_missing_schema
USE no_such_schema
-- describe_missing_table
DESCRIBE TABLE no_such_table
-- parameter_unbound
SELECT :p AS a
-- udf_wrong_type_named_argument
SELECT mask(nope => 'a')
-- from_json_bad_schema
SELECT from_json('{}', 'not a schema at all !')
-- index_zero_of_column
SELECT element_at(arr, 0) FROM nested WHERE id = 1
-- bad_date_in_comparison
SELECT id FROM emp WHERE date_add(DATE '2024-01-01', id) > 'x'
-- where_untyped_null
SELECT v FROM pairs WHERE NULL
-- integral_division_of_doubles
SELECT d div d FROM nums
-- integral_division_of_a_double
SELECT d div 2 FROM nums
