-- parse_strings
SELECT CAST('2024' AS TIMESTAMP) AS a, CAST('2024-3' AS TIMESTAMP) AS b, CAST('2024-03-05T1:2:3' AS TIMESTAMP) AS c, CAST(' 2024-03-05 10:11:12.123456789 ' AS TIMESTAMP) AS d
-- parse_zones
SELECT CAST('2024-03-05 10:00:00+02:00' AS TIMESTAMP) AS a, CAST('2024-03-05 10:00:00 Europe/Vienna' AS TIMESTAMP) AS b, CAST('2024-03-05 10:00:00Z' AS TIMESTAMP) AS c, CAST('2024-07-05 10:00:00 UTC+3' AS TIMESTAMP) AS d
-- parse_bad
SELECT CAST('2024-13-01' AS TIMESTAMP) AS a
-- parse_bad_date
SELECT CAST('2023-02-29' AS DATE) AS a
-- try_parse
SELECT try_to_timestamp('nonsense') AS a, try_cast('2024-02-30' AS DATE) AS b, try_to_date('31/12/2024', 'dd/MM/yyyy') AS c
-- to_timestamp_patterns
SELECT to_timestamp('05.03.2024 7:08 PM', 'dd.MM.yyyy h:mm a') AS a, to_timestamp('2024-060', 'yyyy-DDD') AS b, to_timestamp('20240305101112', 'yyyyMMddHHmmss') AS c
-- to_timestamp_fraction
SELECT to_timestamp('2024-03-05 10:11:12.5', 'yyyy-MM-dd HH:mm:ss.S') AS a, to_timestamp('2024-03-05 10:11:12.123', 'yyyy-MM-dd HH:mm:ss.SSS') AS b
-- to_timestamp_mismatch
SELECT to_timestamp('2024/03/05', 'yyyy-MM-dd') AS a
-- to_date_pattern
SELECT to_date('Mar 5, 2024', 'MMM d, yyyy') AS a, to_date('5 March 2024', 'd MMMM yyyy') AS b
-- format_patterns
SELECT date_format(TIMESTAMP '2024-03-05 07:08:09.12', 'yyyy-MM-dd HH:mm:ss.SSS') AS a, date_format(TIMESTAMP '2024-03-05 19:08:09', 'EEE, d MMM yy h:mm a') AS b, date_format(DATE '2024-03-05', 'EEEE MMMM D') AS c, date_format(DATE '2024-12-30', 'Q QQQ') AS d
-- format_quoted
SELECT date_format(DATE '2024-03-05', "'Day' d 'o''clock'") AS a
-- format_bad_pattern
SELECT date_format(DATE '2024-03-05', 'YYYY-ww') AS a
-- truncation
SELECT date_trunc('QUARTER', TIMESTAMP '2024-05-17 10:00:00') AS a, date_trunc('week', TIMESTAMP '2024-05-17 10:00:00') AS b, trunc(DATE '2024-05-17', 'MM') AS c, trunc(DATE '2024-05-17', 'nothing') AS d, date_trunc('MILLISECOND', TIMESTAMP '2024-05-17 10:00:00.123456') AS e
-- parts
SELECT year(ts) AS y, dayofweek(ts) AS w, weekday(ts) AS d, dayofyear(ts) AS n, weekofyear(ts) AS k, hour(ts) AS h, minute(ts) AS m, second(ts) AS s FROM events ORDER BY id
-- extract_parts
SELECT extract(YEAROFWEEK FROM DATE '2024-12-30') AS a, extract(DOW FROM DATE '2024-03-05') AS b, extract(SECONDS FROM TIMESTAMP '2024-03-05 10:11:12.345678') AS c, date_part('doy', DATE '2024-03-05') AS d
-- epoch
SELECT unix_timestamp(TIMESTAMP '2024-01-01 00:00:00') AS a, from_unixtime(0) AS b, timestamp_seconds(1.5) AS c, timestamp_millis(-1) AS d, timestamp_micros(1) AS e, unix_micros(TIMESTAMP '1969-12-31 23:59:59.999999') AS f, unix_date(DATE '1970-01-10') AS g
-- epoch_pattern
SELECT unix_timestamp('05/03/2024', 'dd/MM/yyyy') AS a, from_unixtime(1700000000, 'yyyy HH') AS b, to_unix_timestamp('2024-03-05', 'yyyy-MM-dd') AS c
-- make
SELECT make_date(2024, 2, 29) AS a, make_timestamp(2024, 3, 5, 10, 11, 12.5) AS b, make_timestamp_ntz(2024, 3, 5, 10, 11, 60) AS c
-- make_bad
SELECT make_date(2023, 2, 29) AS a
-- make_bad_seconds
SELECT make_timestamp(2024, 3, 5, 10, 11, 61) AS b
-- conversions
SELECT to_utc_timestamp(TIMESTAMP '2024-07-01 12:00:00', 'Europe/Vienna') AS a, from_utc_timestamp(TIMESTAMP '2024-07-01 12:00:00', 'America/New_York') AS b, convert_timezone('UTC', 'Asia/Tokyo', TIMESTAMP_NTZ '2024-07-01 12:00:00') AS c
-- ntz_and_ltz
SELECT TIMESTAMP_NTZ '2024-01-01 00:00:00' = TIMESTAMP '2024-01-01 00:00:00' AS a, CAST(TIMESTAMP_NTZ '2024-01-01 10:00:00' AS TIMESTAMP) AS b, CAST(DATE '2024-01-01' AS TIMESTAMP_NTZ) AS c
-- months
SELECT add_months(DATE '2024-01-31', 1) AS a, months_between(DATE '2024-03-31', DATE '2024-02-29') AS b, months_between(TIMESTAMP '1997-02-28 10:30:00', DATE '1996-10-30') AS c, last_day(DATE '2024-02-05') AS d, next_day(DATE '2024-03-05', 'Tue') AS e
-- next_day_bad
SELECT next_day(DATE '2024-03-05', 'xx') AS e
-- old_dates
SELECT DATE '0001-01-01' AS a, CAST(DATE '0044-03-15' AS STRING) AS b, year(DATE '9999-12-31') AS c, datediff(DATE '1582-10-15', DATE '1582-10-04') AS d
-- cast_between
SELECT CAST(TIMESTAMP '2024-03-05 23:59:59.9' AS DATE) AS a, CAST(TIMESTAMP '2024-03-05 00:00:00.5' AS DOUBLE) AS b, CAST(1.5 AS TIMESTAMP) AS c, CAST(TIMESTAMP '2024-03-05 00:00:00.120' AS STRING) AS d, CAST(TIMESTAMP '1969-12-31 23:59:59.5' AS BIGINT) AS e
-- window_tumbling
SELECT window.start AS s, window.end AS e, count(*) AS n FROM events GROUP BY window(ts, '10 minutes') ORDER BY s
-- window_ntz
SELECT window.start AS s, window.end AS e, count(*) AS n FROM (SELECT CAST(ts AS TIMESTAMP_NTZ) AS ts FROM events) GROUP BY window(ts, '10 minutes') ORDER BY s
-- window_sliding
SELECT window.start AS s, sum(n) AS n FROM events GROUP BY window(ts, '10 minutes', '5 minutes') ORDER BY s
-- window_session
SELECT session_window.start AS s, session_window.end AS e, count(*) AS n, sum(n) AS m FROM events GROUP BY session_window(ts, '5 minutes') ORDER BY s
-- window_session_keys
SELECT kind, session_window.start AS s, session_window.end AS e, count(*) AS n FROM events GROUP BY kind, session_window(ts, '5 minutes') ORDER BY kind, s
-- window_time_of
SELECT window_time(window) AS t, n FROM (SELECT window, count(*) AS n FROM events GROUP BY window(ts, '1 hour')) ORDER BY t
