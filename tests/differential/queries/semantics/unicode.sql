-- lengths
SELECT length('äöü€😀') AS a, char_length('日本') AS b, octet_length('äé€😀') AS c, bit_length('日') AS d
-- cases
SELECT upper('straße äö') AS a, lower('ÀÉİ') AS b, initcap('élan vital ÜBER') AS c
-- substring
SELECT substring('äöü€😀x', 2, 3) AS a, substring('äöü', -2) AS b, left('日本語', 2) AS c, right('日本語', 1) AS d, substr('abc', 0, 2) AS e
-- positions
SELECT instr('日本語', '語') AS a, locate('ö', 'äöäö', 3) AS b, position('€' IN 'a€') AS c, charindex('b', 'äb') AS d
-- padding
SELECT lpad('ü', 3, 'äö') AS a, rpad('日', 4, '本') AS b, lpad('abc', 2) AS c, rpad('x', 3, '') AS d
-- reverse_repeat
SELECT reverse('äö€') AS a, repeat('é', 3) AS b, repeat('x', 0) AS c, repeat('x', -1) AS d
-- translate_replace
SELECT translate('äöü', 'äü', 'a') AS a, replace('a€b€', '€', '') AS b, overlay('äöü' PLACING '--' FROM 2 FOR 1) AS c
-- trims
SELECT trim(BOTH 'ä' FROM 'ääxä') AS a, ltrim('xy', 'yxabc') AS b, rtrim('  a ') AS c, btrim('\u00a0a\u00a0') AS d, trim(LEADING 'ab' FROM 'abacab') AS e
-- codes
SELECT ascii('€') AS a, ascii('') AS b, chr(8364) AS c, char(65) AS d, chr(256) AS e, unicode_decode AS f FROM (SELECT decode(encode('ä', 'UTF-8'), 'UTF-8') AS unicode_decode)
-- encodings
SELECT hex(encode('ä', 'UTF-16')) AS a, hex(encode('ä', 'ISO-8859-1')) AS b, hex('日') AS c, base64('é') AS d, decode(unbase64('w6k='), 'UTF-8') AS e
-- encode_unmappable
SELECT encode('日', 'ISO-8859-1') AS a
-- decode_malformed
SELECT decode(X'FF41', 'UTF-8') AS a
-- comparison_binary_order
SELECT s FROM VALUES ('Z'), ('a'), ('ä'), ('Ä'), ('😀'), ('ﬀ'), ('') AS t(s) ORDER BY s
-- like_unicode
SELECT 'äöü' LIKE '_ö_' AS a, '😀' LIKE '_' AS b, 'ÄB' ILIKE 'äb' AS c, 'a%b' LIKE 'a\\%b' AS d, 'a_c' LIKE 'a#_c' ESCAPE '#' AS e
-- like_any_all
SELECT 'spark' LIKE ANY ('s%', 'x') AS a, 'spark' LIKE ALL ('s%', '%k') AS b, 'spark' NOT LIKE ALL ('a%', 'b%') AS c
-- regexps
SELECT regexp_extract('äb12', '([a-zä]+)(\\d+)', 2) AS a, regexp_replace('a1b2', '\\d', '#') AS b, regexp_extract_all('1a2b', '\\d') AS c, regexp_count('aXbX', 'X') AS d, regexp_instr('abc', 'c') AS e, regexp_substr('x12', '\\d+') AS f
-- regexp_groups
SELECT regexp_replace('John Smith', '(\\w+) (\\w+)', '$2 $1') AS a, regexp_extract('abc', 'x', 0) AS b, 'ab' RLIKE '^a' AS c
-- regexp_bad_group
SELECT regexp_extract('abc', 'a', 1) AS a
-- regexp_bad_pattern
SELECT 'a' RLIKE '(' AS a
-- split_forms
SELECT split('a,b,,', ',') AS a, split('äöä', 'ö') AS b, split('abc', '') AS c, split('a,b,c', ',', 2) AS d, split_part('a.b.c', '.', 2) AS e, split_part('a.b', '.', -1) AS f
-- split_part_zero
SELECT split_part('a', ',', 0) AS a
-- formats
SELECT format_string('%05d|%-5s|%.2f|%x|%,d', 42, 'ab', 1.005D, 255, 1234567) AS a, format_number(1234567.891, 2) AS b, format_number(5, '#,##0.00') AS c, printf('%s', 'ü') AS d
-- concat_nulls
SELECT concat('a', NULL) AS a, concat_ws('-', 'a', NULL, 'b', array('c', NULL)) AS b, concat_ws(NULL, 'a') AS c, 'a' || 1 AS d
-- soundex_levenshtein
SELECT soundex('Miller') AS a, levenshtein('kitten', 'sitting') AS b, levenshtein('kitten', 'sitting', 2) AS c, levenshtein('ä', 'a') AS d
-- sentences
SELECT sentences('Hi there! Good morning.') AS a
-- find_in_set
SELECT find_in_set('b', 'a,b,c') AS a, find_in_set('x,y', 'x,y') AS b, elt(2, 'a', 'b') AS c, elt(NULL, 'a') AS d, field_missing AS e FROM (SELECT elt(1, 'z') AS field_missing)
-- elt_outside
SELECT elt(3, 'a', 'b') AS a
-- starts_ends
SELECT startswith('äö', 'ä') AS a, endswith('äö', 'ö') AS b, contains('日本', '本') AS c, startswith('a', NULL) AS d
-- quote_and_luhn
SELECT quote("Don't") AS a, luhn_check('4111111111111111') AS b, is_valid_utf8('ä') AS c, make_valid_utf8(X'C3') AS d
-- mask_forms
SELECT mask('AbCD123-@$#') AS a, mask('AbCD123', 'Q', 'q', 'd') AS b, mask('äÄ1-', 'X', 'x', 'n', 'o') AS c, mask('ab1', NULL, 'z') AS d
-- string_to_numbers
SELECT conv('ff', 16, 10) AS a, conv('-10', 10, 2) AS b, to_number('1,234.5', '9,999.9') AS c, to_char(1234.5, '$9,999.99') AS d, bin(10) AS e, unhex('4G') AS f
-- empty_and_space
SELECT space(3) AS a, '' = ' ' AS b, length('a\tb') AS c, 'x' || '' AS d, substring_index('a.b.c', '.', -2) AS e
-- collation_free_equality
SELECT 'é' = 'é' AS a, upper('ß') = 'SS' AS b
