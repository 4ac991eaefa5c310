-- divide_gives_double
SELECT 7 / 2 AS a, 6 / 3 AS b, 1L / 4 AS c
-- div_gives_long
SELECT 7 div 2 AS a, -7 div 2 AS b, 7L div -2 AS c
-- divide_by_zero
SELECT 1 / 0 AS r
-- div_by_zero
SELECT 1 div 0 AS r
-- modulo_by_zero
SELECT 1 % 0 AS r
-- double_divide_by_zero
SELECT 1.0D / 0 AS r
-- pmod_by_zero
SELECT pmod(1, 0) AS r
-- int_add_overflow
SELECT 2147483647 + 1 AS r
-- int_subtract_overflow
SELECT -2147483648 - 1 AS r
-- int_multiply_overflow
SELECT 2147483647 * 2 AS r
-- long_add_overflow
SELECT 9223372036854775807 + 1L AS r
-- long_multiply_overflow
SELECT 9223372036854775807 * 2 AS r
-- short_add_overflow
SELECT 32767S + 1S AS r
-- byte_add_overflow
SELECT 127Y + 1Y AS r
-- short_plus_int
SELECT 1S + 1 AS a, 1Y + 1S AS b, 1 + 1L AS c, 1Y * 1L AS d
-- byte_plus_byte_type
SELECT 1Y + 1Y AS a, 1S * 2S AS b, 5Y % 3Y AS c, 5Y / 2Y AS d, 5S div 2S AS e
-- negate_min_int
SELECT -CAST(-2147483648 AS INT) AS r
-- abs_min_int
SELECT abs(CAST(-2147483648 AS INT)) AS r
-- abs_min_long
SELECT abs(-9223372036854775808) AS r
-- sum_long_overflow
SELECT sum(x) AS r FROM VALUES (9223372036854775807), (1L) AS t(x)
-- sum_int_widens
SELECT sum(x) AS r FROM VALUES (2147483647), (2147483647) AS t(x)
-- div_min_by_minus_one
SELECT CAST(-9223372036854775808 AS BIGINT) div -1L AS r
-- bit_operators
SELECT 5 & 3 AS a, 5 | 3 AS b, 5 ^ 3 AS c, ~5 AS d, shiftleft(1, 4) AS e, shiftright(-16, 2) AS f, shiftrightunsigned(-1, 28) AS g
-- bit_operator_names
SELECT 5 & 3, 5 | 3, ~5, 1 << 3
-- count_types
SELECT count(*) AS a, count(i) AS b, count(DISTINCT l) AS c, count(1) AS d, count(NULL) AS e FROM nums
-- count_names
SELECT count(*), count(1), count(i), count(DISTINCT i), sum(i), avg(i), min(i), max(i) FROM nums
-- factorial_and_friends
SELECT factorial(5) AS a, hex(255) AS b, bin(10) AS c, conv('ff', 16, 10) AS d, unhex('4A') AS e
-- width_bucket_and_rint
SELECT width_bucket(5.3, 0.2, 10.6, 5) AS a, rint(2.5) AS b, rint(3.5D) AS c, signum(-3) AS d
-- comparison_mixed
SELECT 1 = 1L AS a, 1Y < 300 AS b, 1 = 1.0D AS c, true = true AS d
-- comparison_int_string
SELECT 1 = '1' AS a, 2 > '10' AS b, '2' > '10' AS c
-- comparison_int_bad_string
SELECT 1 = 'x' AS a
-- division_filter_error_is_lazy
SELECT CASE WHEN x = 0 THEN -1 ELSE 10 / x END AS r FROM VALUES (0), (5) AS t(x)
-- if_is_lazy
SELECT if(x = 0, 0, 10 div x) AS r FROM VALUES (0), (5) AS t(x)
-- divide_by_zero_column
SELECT 10 / x AS r FROM VALUES (0), (5) AS t(x)
-- null_divided_by_zero
SELECT NULL / 0 AS a, CAST(NULL AS INT) div 0 AS b
-- nullif_protects
SELECT 10 / nullif(x, 0) AS r FROM VALUES (0), (5) AS t(x)
-- between_is_inclusive
SELECT i FROM nums WHERE i BETWEEN 2 AND 4
-- between_symmetric_order
SELECT 3 BETWEEN 5 AND 1 AS a, 3 NOT BETWEEN 5 AND 1 AS b
-- try_divide_null
SELECT try_divide(1, 0) AS a, try_mod(5, 0) AS b, try_add(2147483647, 1) AS c
-- hash_functions
SELECT hash(1, 'a') AS a, xxhash64(1L) AS b, crc32('Spark') AS c, md5('Spark') AS d, sha2('Spark', 256) AS e, sha1('Spark') AS f
-- uniform_ranges
SELECT id FROM range(3) ORDER BY id
-- range_step
SELECT id FROM range(10, 0, -3) ORDER BY id DESC
-- int_add_overflow_column
SELECT x + 1 AS r FROM VALUES (1), (2147483647) AS t(x)
-- int_multiply_overflow_column
SELECT x * x AS r FROM VALUES (2), (46341) AS t(x)
-- long_subtract_overflow_column
SELECT x - 1 AS r FROM VALUES (-9223372036854775807), (-9223372036854775807 - 1L) AS t(x)
-- short_multiply_overflow_column
SELECT x * x AS r FROM VALUES (181S), (182S) AS t(x)
-- modulo_by_zero_column
SELECT 10 % x AS r FROM VALUES (3), (0) AS t(x)
-- div_by_zero_column
SELECT 10 div x AS r FROM VALUES (3), (0) AS t(x)
-- double_divide_by_zero_column
SELECT x / y AS r FROM VALUES (1.0D, 2.0D), (1.0D, 0.0D) AS t(x, y)
-- decimal_divide_by_zero_column
SELECT x / y AS r FROM VALUES (1.0, 2.0), (1.0, 0.0) AS t(x, y)
-- negate_overflow_column
SELECT -x AS r FROM VALUES (5), (CAST(-2147483648 AS INT)) AS t(x)
-- cast_overflow_column
SELECT CAST(x AS TINYINT) AS r FROM VALUES (127), (128) AS t(x)
-- sum_long_overflow_grouped
SELECT k, sum(x) AS r FROM VALUES ('a', 9223372036854775807), ('a', 1L), ('b', 1L) AS t(k, x) GROUP BY k
-- overflow_in_unused_column
SELECT a FROM (SELECT x AS a, x + 1 AS b FROM VALUES (1), (2147483647) AS t(x))
-- overflow_filtered_before
SELECT x + 1 AS r FROM VALUES (1), (2147483647) AS t(x) WHERE x < 100
-- coalesce_is_lazy
SELECT coalesce(x, 1 div 0) AS r FROM VALUES (1), (2) AS t(x)
-- and_short_circuits
SELECT x FROM VALUES (0), (5) AS t(x) WHERE x <> 0 AND 10 / x > 1
