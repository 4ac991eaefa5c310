-- case_functions
SELECT upper('aBc') AS a, lower('ÄBC') AS b, initcap('hello big world') AS c, ucase('x') AS d, lcase('X') AS e
-- length_functions
SELECT length('héllo') AS a, char_length('abc ') AS b, octet_length('hé') AS c, bit_length('a') AS d, character_length('') AS e, len('ab') AS f
-- substring_forms
SELECT substring('Spark SQL', 5) AS a, substring('Spark SQL', -3) AS b, substring('Spark SQL', 5, 1) AS c, substr('Spark', 0, 2) AS d, substring('Spark' FROM 2 FOR 3) AS e, substring('Spark', 2, -1) AS f, substring('Spark', -10, 7) AS g
-- left_right
SELECT left('Spark', 3) AS a, right('Spark', 3) AS b, left('Spark', 0) AS c, right('Spark', -1) AS d, left('Spark', 10) AS e
-- trim_forms
SELECT trim('  x  ') AS a, ltrim('  x') AS b, rtrim('x  ') AS c, trim(BOTH 'x' FROM 'xxaxx') AS d, trim(LEADING 'x' FROM 'xxaxx') AS e, trim(TRAILING FROM 'a  ') AS f, btrim('xyaxy', 'xy') AS g
-- pad_functions
SELECT lpad('7', 3, '0') AS a, rpad('abc', 2, 'x') AS b, lpad('a', 5) AS c, rpad('a', 4, 'xy') AS d
-- concat_nulls
SELECT concat('a', NULL, 'b') AS a, concat_ws('-', 'a', NULL, 'b') AS b, 'a' || NULL AS c, concat() AS d, concat_ws(',', array('x', 'y'), 'z') AS e
-- replace_functions
SELECT replace('abcabc', 'b', 'X') AS a, replace('abc', 'b') AS b, translate('AaBbCc', 'abc', '12') AS c, overlay('SparkSQL' PLACING '_' FROM 6) AS d
-- position_functions
SELECT locate('b', 'abcb') AS a, locate('b', 'abcb', 3) AS b, position('z' IN 'abc') AS c, instr('abcb', 'c') AS d, position('b', 'ab') AS e, locate('', 'a') AS f
-- split_functions
SELECT split('a,b,c', ',') AS a, split('a1b2c', '[0-9]') AS b, split_part('a.b.c', '.', 2) AS c, split_part('a.b.c', '.', -1) AS d, split('a,b,c', ',', 2) AS e
-- repeat_reverse
SELECT repeat('ab', 3) AS a, reverse('abc') AS b, space(3) AS c, repeat('x', 0) AS d
-- ascii_chr
SELECT ascii('A') AS a, chr(65) AS b, char(97) AS c, ascii('') AS d
-- like_forms
SELECT 'abc' LIKE 'a%' AS a, 'abc' LIKE '_b_' AS b, 'a%c' LIKE 'a\%c' AS c, 'abc' NOT LIKE '%d%' AS d, 'ABC' LIKE 'abc' AS e, 'ABC' ILIKE 'abc' AS f
-- like_escape
SELECT 'a_c' LIKE 'a#_c' ESCAPE '#' AS a, 'abc' LIKE 'a#_c' ESCAPE '#' AS b
-- like_special
SELECT 'a.c' LIKE 'a.c' AS a, 'abc' LIKE 'a.c' AS b, '' LIKE '%' AS c, 'abc' LIKE '' AS d
-- like_multiline
SELECT 'a\nb' LIKE 'a%b' AS a, 'a\nb' LIKE 'a_b' AS b
-- like_any_all
SELECT 'abc' LIKE ANY ('a%', 'x%') AS a, 'abc' LIKE ALL ('a%', '%c') AS b, 'abc' NOT LIKE ANY ('a%', 'x%') AS c
-- like_null
SELECT NULL LIKE 'a' AS a, 'a' LIKE NULL AS b
-- rlike_forms
SELECT 'abc123' RLIKE '[0-9]+' AS a, regexp_like('abc', '^b') AS b, 'abc' REGEXP 'b' AS c
-- regexp_functions
SELECT regexp_replace('a1b22', '[0-9]+', '#') AS a, regexp_extract('ab12', '([a-z]+)([0-9]+)', 2) AS b, regexp_extract_all('1a2b', '[0-9]', 0) AS c, regexp_count('aXbXc', 'X') AS d, regexp_substr('ab12', '[0-9]+') AS e, regexp_instr('ab12', '[0-9]') AS f
-- regexp_group_default
SELECT regexp_extract('100-200', '(\\d+)-(\\d+)') AS a, regexp_extract('none', '(\\d+)', 1) AS b
-- startswith_endswith
SELECT startswith('Spark', 'Sp') AS a, endswith('Spark', 'rk') AS b, contains('Spark', 'par') AS c, startswith('Spark', NULL) AS d
-- comparison_binary_order
SELECT 'a' < 'B' AS a, 'Z' < 'a' AS b, 'é' > 'z' AS c, 'a' = 'a ' AS d, '' < 'a' AS e
-- format_functions
SELECT format_number(1234567.891, 2) AS a, format_string('%d-%s-%.2f', 5, 'x', 1.5D) AS b, printf('%05d', 42) AS c, format_number(0.5, 0) AS d
-- escapes_in_literals
SELECT 'it''s' AS a, 'tab\there' AS b, "double" AS c, r'raw\n' AS d, 'a' 'b' AS e, 'nl\nx' AS f, '\u0041' AS g
-- soundex_levenshtein
SELECT soundex('Miller') AS a, levenshtein('kitten', 'sitting') AS b
-- base64_hex
SELECT base64('Spark') AS a, unbase64('U3Bhcms=') AS b, hex('Spark') AS c, encode('abc', 'utf-8') AS d, decode(X'616263', 'utf-8') AS e
-- null_arguments
SELECT upper(NULL) AS a, length(NULL) AS b, substring(NULL, 1) AS c, trim(NULL) AS d, replace('a', NULL, 'b') AS e
-- names_of_results
SELECT upper('a'), substring('abc', 1, 2), concat('a', 'b'), 'a' || 'b', trim(' a '), length('abc'), 'a' LIKE 'b', substr('abc', 2), 'lit', trim(BOTH 'x' FROM 'xax')
-- elt_field_find
SELECT elt(2, 'a', 'b') AS a, find_in_set('b', 'a,b,c') AS b, elt(1, 'x', 'y') AS c
-- elt_out_of_range
SELECT elt(5, 'a', 'b') AS a
-- to_number_formats
SELECT to_number('1,234.50', '9,999.99') AS a, to_char(1234.5, '9,999.99') AS b, try_to_number('x', '999') AS c
-- mask_and_quote
SELECT mask('abcD-1234') AS a, sentences('Hi there. Bye.') AS b, luhn_check('79927398713') AS c
-- parse_url_forms
SELECT parse_url('https://spark.apache.org/path?q=1#r', 'HOST') AS a, parse_url('https://spark.apache.org/path?q=1', 'QUERY', 'q') AS b, url_encode('a b&c') AS c, url_decode('a+b') AS d
-- json_functions
SELECT get_json_object('{"a": {"b": 5}}', '$.a.b') AS a, from_json('{"x": 1, "y": "z"}', 'x INT, y STRING') AS b, to_json(named_struct('a', 1, 'b', array(1, 2))) AS c, json_tuple('{"a":1,"b":2}', 'a', 'b')
-- string_agg
SELECT listagg(name, ',') WITHIN GROUP (ORDER BY name DESC) AS a, string_agg(name) WITHIN GROUP (ORDER BY name) AS b FROM emp
-- string_from_columns
SELECT concat(name, ':', dept) AS a, substr(name, 1, 1) AS b, length(name) AS c FROM emp ORDER BY id
-- upper_type_error
SELECT upper(array(1)) AS a
-- substring_type_error
SELECT substring('abc', 'x') AS a
-- wrong_argument_count
SELECT upper('a', 'b') AS a
-- wrong_argument_count_substring
SELECT substring('a') AS a
-- string_min_max
SELECT min(s) AS a, max(s) AS b, count(s) AS c FROM nums
-- empty_string_is_not_null
SELECT s IS NULL AS a, s = '' AS b FROM nums ORDER BY l NULLS LAST
-- collect_sorted
SELECT sort_array(collect_list(k)) AS a, sort_array(collect_set(k)) AS b FROM pairs
