-- from_json_types
SELECT from_json('{"a": 1, "b": "x", "c": [1, 2], "d": {"e": 1.5}}', 'a INT, b STRING, c ARRAY<INT>, d STRUCT<e: DOUBLE>') AS j
-- from_json_missing_and_bad
SELECT from_json('{"a": "x"}', 'a INT, b INT') AS a, from_json('nonsense', 'a INT') AS b, from_json('', 'a INT') AS c, from_json(NULL, 'a INT') AS d
-- from_json_corrupt_column
SELECT from_json('{"a": ', 'a INT, _corrupt_record STRING') AS a
-- from_json_failfast
SELECT from_json('{"a": ', 'a INT', map('mode', 'FAILFAST')) AS a
-- from_json_timestamp_format
SELECT from_json('{"t": "05/03/2024"}', 't DATE', map('dateFormat', 'dd/MM/yyyy')) AS a, from_json('{"t": "2024-03-05T10:11:12.123Z"}', 't TIMESTAMP') AS b
-- from_json_options
SELECT from_json("{'a': 1}", 'a INT', map('allowSingleQuotes', 'true')) AS a, from_json('{a: 1}', 'a INT', map('allowUnquotedFieldNames', 'true')) AS b
-- from_json_map_array
SELECT from_json('{"x": 1, "y": 2}', 'MAP<STRING, INT>') AS a, from_json('[{"a": 1}, {"a": 2}]', 'ARRAY<STRUCT<a: INT>>') AS b, from_json('[1, 2]', 'ARRAY<INT>') AS c
-- to_json_forms
SELECT to_json(struct(1 AS a, 'x' AS b, CAST(NULL AS INT) AS c)) AS a, to_json(map('k', array(1, 2))) AS b, to_json(struct(DATE '2024-03-05' AS d, TIMESTAMP '2024-03-05 10:11:12' AS t)) AS c
-- to_json_options
SELECT to_json(struct(CAST(NULL AS INT) AS a), map('ignoreNullFields', 'false')) AS a, to_json(struct(DATE '2024-03-05' AS d), map('dateFormat', 'dd.MM.yy')) AS b
-- get_json_object
SELECT get_json_object('{"a": {"b": [1, 2]}}', '$.a.b[1]') AS a, get_json_object('{"a": "x"}', '$.a') AS b, get_json_object('{"a": {"b": 1}}', '$.a') AS c, get_json_object('x', '$.a') AS d
-- json_helpers
SELECT json_array_length('[1, 2, [3]]') AS a, json_object_keys('{"a": 1, "b": {}}') AS b, schema_of_json('{"a": 1, "b": [1.5]}') AS c
-- from_csv_types
SELECT from_csv('1,abc,2.5', 'a INT, b STRING, c DOUBLE') AS a, from_csv('x,1', 'a INT, b INT') AS b, from_csv('1', 'a INT, b INT') AS c
-- from_csv_options
SELECT from_csv('1|abc', 'a INT, b STRING', map('sep', '|')) AS a, from_csv('05/03/2024', 'd DATE', map('dateFormat', 'dd/MM/yyyy')) AS b, from_csv('-', 'a INT', map('nullValue', '-')) AS c
-- to_csv_forms
SELECT to_csv(struct(1, 'a,b', NULL, 2.5)) AS a, to_csv(struct('x', 'y'), map('sep', ';')) AS b, schema_of_csv('1,abc') AS c
-- from_json_bad_mode
SELECT from_json('{}', 'a INT', map('mode', 'NOPE')) AS a
-- from_json_option_type
SELECT from_json('{}', 'a INT', map('mode', 1)) AS a
-- variant_free_xpath
SELECT xpath_string('<a><b>1</b></a>', 'a/b') AS a
-- url_functions
SELECT parse_url('http://u@h.com:80/p/a?x=1&y=2#f', 'HOST') AS a, parse_url('http://h.com/p?x=1', 'QUERY', 'x') AS b, url_encode('a b&ü') AS c, url_decode('a+b%26') AS d
-- json_in_single_quotes
SELECT from_json("{'a': 1, \"b\": 'it\"s'}", 'a INT, b STRING') AS a, from_json("{'a': 1}", 'a INT', map('allowSingleQuotes', 'false')) AS b, get_json_object("{'a': 'x\\'y \"z\" \\\\ w'}", '$.a') AS c, json_array_length("['a']") AS d, json_object_keys("{'a': 1}") AS e, get_json_object("{'a", '$.a') AS f
-- json_with_bare_names
SELECT from_json('{a: "x:y, b: 3", $c_1 : [1]}', 'a STRING, `$c_1` ARRAY<INT>', map('allowUnquotedFieldNames', 'true')) AS a, from_json('{a: 1}', 'a INT') AS b
-- json_tuple_of_one
SELECT dept, json_tuple(concat('{"a": ', dept, '}'), 'a') AS a FROM dept
-- json_tuple_of_one_constant
SELECT json_tuple("{'a': 1}", 'a') AS a
-- from_csv_spaces
SELECT from_csv(' 1 , x ', 'a INT, b STRING') AS a, from_csv(' 1.5 , true, 1.5 ,2024-01-01', 'a DOUBLE, b BOOLEAN, c DECIMAL(5,2), d DATE') AS b, from_csv(',x', 'a STRING, b STRING', map('nullValue', 'x')) AS c
-- small_decimals_as_text
SELECT CAST(x AS STRING) AS a, to_csv(named_struct('a', x)) AS b, to_json(named_struct('a', x)) AS c, format_string('%s', x) AS d FROM VALUES (0.0000001), (0.00000010), (0.00000000), (-0.0000123), (1.5) AS t(x)
-- fractions_only_as_json
SELECT to_json(map('k', 0.25)) AS a, to_json(array(0.0000001)) AS b
