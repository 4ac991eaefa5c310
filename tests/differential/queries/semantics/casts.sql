-- string_to_int
SELECT CAST('12' AS INT) AS a, CAST(' 12 ' AS INT) AS b, CAST('-7' AS BIGINT) AS c, CAST('+7' AS SMALLINT) AS d
-- string_to_int_fraction
SELECT CAST('12.7' AS INT) AS a
-- string_to_int_bad
SELECT CAST('abc' AS INT) AS a
-- string_to_int_empty
SELECT CAST('' AS INT) AS a
-- string_to_int_overflow
SELECT CAST('2147483648' AS INT) AS a
-- string_to_double
SELECT CAST('1.5' AS DOUBLE) AS a, CAST('1e3' AS DOUBLE) AS b, CAST('NaN' AS DOUBLE) AS c, CAST('inf' AS DOUBLE) AS d, CAST('-Infinity' AS DOUBLE) AS e
-- string_to_double_bad
SELECT CAST('1.5x' AS DOUBLE) AS a
-- string_to_decimal
SELECT CAST('1.555' AS DECIMAL(5,2)) AS a, CAST('1e2' AS DECIMAL(5,0)) AS b
-- string_to_decimal_bad
SELECT CAST('x' AS DECIMAL(5,2)) AS a
-- string_to_decimal_overflow
SELECT CAST('123456' AS DECIMAL(5,2)) AS a
-- string_to_boolean
SELECT CAST('true' AS BOOLEAN) AS a, CAST('F' AS BOOLEAN) AS b, CAST('yes' AS BOOLEAN) AS c, CAST('0' AS BOOLEAN) AS d
-- string_to_boolean_bad
SELECT CAST('maybe' AS BOOLEAN) AS a
-- string_to_date
SELECT CAST('2024-02-29' AS DATE) AS a, CAST('2024-2-9' AS DATE) AS b, CAST('2024' AS DATE) AS c, CAST('2024-05' AS DATE) AS d, CAST('2024-02-29T10:00' AS DATE) AS e
-- string_to_date_bad
SELECT CAST('2023-02-29' AS DATE) AS a
-- string_to_timestamp
SELECT CAST('2024-02-29 12:34:56.789' AS TIMESTAMP) AS a, CAST('2024-02-29' AS TIMESTAMP) AS b, CAST('2024-02-29T12:34:56Z' AS TIMESTAMP) AS c, CAST('2024-02-29 12:34:56+02:00' AS TIMESTAMP) AS d
-- string_to_timestamp_bad
SELECT CAST('tomorrow morning' AS TIMESTAMP) AS a
-- string_to_ntz
SELECT CAST('2024-02-29 12:34:56' AS TIMESTAMP_NTZ) AS a
-- int_to_string
SELECT CAST(12 AS STRING) AS a, CAST(-7L AS STRING) AS b, CAST(true AS STRING) AS c
-- double_to_string
SELECT CAST(1.0D AS STRING) AS a, CAST(1e10D AS STRING) AS b, CAST(1.5e-5D AS STRING) AS c, CAST(0.1D + 0.2D AS STRING) AS d, CAST(1e7D AS STRING) AS e, CAST(123456.789D AS STRING) AS f, CAST(CAST('NaN' AS DOUBLE) AS STRING) AS g, CAST(-0.0D AS STRING) AS h, CAST(100D AS STRING) AS i, CAST(1e-3D AS STRING) AS j
-- float_to_string
SELECT CAST(CAST(0.1 AS FLOAT) AS STRING) AS a, CAST(CAST(1e10 AS FLOAT) AS STRING) AS b, CAST(CAST(16777216 AS FLOAT) AS STRING) AS c
-- date_to_string
SELECT CAST(DATE '2024-02-09' AS STRING) AS a, CAST(TIMESTAMP '2024-02-09 01:02:03.500' AS STRING) AS b, CAST(TIMESTAMP '2024-02-09 00:00:00' AS STRING) AS c
-- array_to_string
SELECT CAST(array(1, NULL, 3) AS STRING) AS a, CAST(map('k', 1) AS STRING) AS b, CAST(named_struct('a', 1, 'b', 'x') AS STRING) AS c
-- binary_to_string
SELECT CAST(X'414243' AS STRING) AS a, CAST('abc' AS BINARY) AS b
-- double_to_int
SELECT CAST(2.9D AS INT) AS a, CAST(-2.9D AS INT) AS b, CAST(2.9D AS BIGINT) AS c
-- double_to_int_overflow
SELECT CAST(1e20D AS INT) AS a
-- nan_to_int
SELECT CAST(CAST('NaN' AS DOUBLE) AS INT) AS a
-- long_to_int_overflow
SELECT CAST(2147483648L AS INT) AS a
-- int_to_byte_overflow
SELECT CAST(300 AS TINYINT) AS a
-- int_to_decimal_overflow
SELECT CAST(1000 AS DECIMAL(3,0)) AS a
-- int_to_boolean
SELECT CAST(0 AS BOOLEAN) AS a, CAST(2 AS BOOLEAN) AS b, CAST(true AS INT) AS c, CAST(0.0D AS BOOLEAN) AS d
-- int_to_date_refused
SELECT CAST(1 AS DATE) AS a
-- date_to_int_refused
SELECT CAST(DATE '2024-01-01' AS INT) AS a
-- int_to_timestamp
SELECT CAST(0 AS TIMESTAMP) AS a, CAST(86400L AS TIMESTAMP) AS b
-- timestamp_to_long
SELECT CAST(TIMESTAMP '1970-01-02 00:00:00' AS BIGINT) AS a, CAST(TIMESTAMP '2024-01-01 12:00:00' AS DATE) AS b
-- date_to_timestamp
SELECT CAST(DATE '2024-01-01' AS TIMESTAMP) AS a
-- binary_to_int_refused
SELECT CAST(X'01' AS INT) AS a
-- array_to_int_refused
SELECT CAST(array(1) AS INT) AS a
-- array_elements
SELECT CAST(array('1', '2') AS ARRAY<INT>) AS a, CAST(array(1, 2) AS ARRAY<STRING>) AS b
-- struct_fields
SELECT CAST(named_struct('a', '1') AS STRUCT<b: INT>) AS a
-- try_cast_gives_null
SELECT try_cast('x' AS INT) AS a, try_cast('2147483648' AS INT) AS b, try_cast('2023-02-29' AS DATE) AS c, try_cast(1234.5 AS DECIMAL(5,2)) AS d, try_cast('7' AS INT) AS e
-- double_colon
SELECT '12'::INT AS a, 1.5::STRING AS b, '12'::INT + 1 AS c
-- type_functions
SELECT int('5') AS a, double('1.5') AS b, string(5) AS c, date('2024-01-01') AS d, bigint(7) AS e, boolean('true') AS f, decimal('12.7') AS g
-- cast_names
SELECT CAST(1 AS STRING), CAST(i AS DOUBLE), i::STRING, CAST('1' AS INT) + 1 FROM nums WHERE i = 1
-- char_varchar_types
SELECT CAST('abc' AS VARCHAR(10)) AS a, CAST('abc' AS CHAR(5)) AS b
-- typeof_results
SELECT typeof(1) AS a, typeof(1.5) AS b, typeof('x') AS c, typeof(array(1)) AS d, typeof(NULL) AS e, typeof(DATE '2024-01-01') AS f, typeof(1 / 2) AS g, typeof(current_timestamp()) AS h
-- null_casts
SELECT CAST(NULL AS INT) AS a, CAST(NULL AS STRING) AS b, NULL AS c
-- implicit_string_plus_int
SELECT '1' + 1 AS a, '3' / 2 AS b, '1' + 1.5 AS c, '1.5' * 2.0D AS d, '1' + 1L AS e
-- implicit_string_fraction_times_int
SELECT '1.5' * 2 AS b
-- implicit_string_plus_string
SELECT '1' + '2' AS a, '7' % '4' AS b, -'5' AS c
-- implicit_string_plus_int_bad
SELECT 'x' + 1 AS a
-- implicit_string_date_compare
SELECT DATE '2024-01-01' > '2023-12-31' AS a, DATE '2024-01-01' = '2024-1-1' AS b, '2024-01-01' BETWEEN DATE '2023-01-01' AND DATE '2024-12-31' AS c
-- implicit_string_date_bad
SELECT DATE '2024-01-01' > 'soon' AS a
-- implicit_date_timestamp_compare
SELECT DATE '2024-01-01' < TIMESTAMP '2024-01-01 00:00:01' AS a, DATE '2024-01-01' = TIMESTAMP '2024-01-01 00:00:00' AS b
-- implicit_in_strings
SELECT 1 IN ('1', '2') AS a, '1' IN (1, 2) AS b
-- implicit_case_string_int
SELECT CASE WHEN true THEN 1 ELSE '2' END AS a
-- implicit_case_int_bad_string
SELECT CASE WHEN false THEN 1 ELSE 'x' END AS a
-- implicit_coalesce_string_int
SELECT coalesce(NULL, '5', 6) AS a, coalesce(1, '7') AS b
-- implicit_union_string_int
SELECT 1 AS x UNION ALL SELECT '2'
-- implicit_union_date_string
SELECT DATE '2024-01-01' AS x UNION ALL SELECT '2024-01-02'
-- implicit_union_int_date
SELECT 1 AS x UNION ALL SELECT DATE '2024-01-01'
-- implicit_union_int_boolean
SELECT 1 AS x UNION ALL SELECT true
-- implicit_union_widening
SELECT 1Y AS x UNION ALL SELECT 2S UNION ALL SELECT 3L UNION ALL SELECT 1.5F
-- implicit_union_long_float
SELECT 1L AS x UNION ALL SELECT CAST(1.5 AS FLOAT)
-- implicit_concat
SELECT concat(1, 'a', true) AS a, 1 || 'x' AS b, concat(DATE '2024-01-01', ' ', 1.50) AS c
-- implicit_string_function_arg
SELECT length(12345) AS a, upper(true) AS b, substr(20240131, 1, 4) AS c
-- implicit_boolean_and_string
SELECT true AND 'true' AS a
-- implicit_boolean_and_int
SELECT true AND 1 AS a
-- where_not_boolean
SELECT i FROM nums WHERE i
-- where_string_literal
SELECT i FROM nums WHERE 'true'
-- boolean_equals_int
SELECT true = 1 AS a
-- sum_of_strings
SELECT sum(x) AS a, avg(x) AS b FROM VALUES ('1'), ('2.5') AS t(x)
-- sum_of_dates
SELECT sum(x) AS a FROM VALUES (DATE '2024-01-01') AS t(x)
-- abs_of_string
SELECT abs('-5') AS a, round('2.567', 1) AS b
-- array_literal_coercion
SELECT array(1, 2.5, 3L) AS a, array(1, NULL) AS b, array('a', NULL) AS c
-- array_int_and_string
SELECT array(1, '2') AS a
-- array_int_and_bad_string
SELECT array(1, 'a') AS a
-- array_incompatible
SELECT array(1, DATE '2024-01-01') AS a
-- map_literal_coercion
SELECT map('a', 1, 'b', 2.5) AS a
-- interval_plus_string
SELECT DATE '2024-01-01' + 'x' AS a
-- date_plus_int
SELECT DATE '2024-01-31' + 1 AS a, 1 + DATE '2024-01-31' AS b, DATE '2024-01-31' - 31 AS c
-- date_minus_date
SELECT DATE '2024-03-01' - DATE '2024-02-01' AS a
-- date_plus_long_refused
SELECT DATE '2024-01-31' + 1L AS a
