-- literals
SELECT DATE '2024-02-29' AS a, TIMESTAMP '2024-02-29 12:34:56.789' AS b, TIMESTAMP_NTZ '2024-02-29 12:34:56' AS c, DATE'2024-01-01' AS d
-- bad_date_literal
SELECT DATE '2024-13-01' AS a
-- extract_date_parts
SELECT year(d) AS y, month(d) AS m, day(d) AS dd, quarter(d) AS q, dayofweek(d) AS dow, weekday(d) AS wd, dayofyear(d) AS doy, weekofyear(d) AS w, dayofmonth(d) AS dom, last_day(d) AS l FROM VALUES (DATE '2024-12-30') AS t(d)
-- extract_time_parts
SELECT hour(t) AS h, minute(t) AS m, second(t) AS s, extract(SECOND FROM t) AS es, date_part('MINUTE', t) AS dp FROM VALUES (TIMESTAMP '2024-02-29 12:34:56.789') AS x(t)
-- extract_syntax
SELECT extract(YEAR FROM DATE '2024-02-29') AS a, extract(MONTH FROM DATE '2024-02-29') AS b, extract(DOW FROM DATE '2024-02-29') AS c, extract(WEEK FROM DATE '2024-02-29') AS d, extract(YEAROFWEEK FROM DATE '2024-12-30') AS e, extract(DOY FROM DATE '2024-02-29') AS f, extract(DAYOFWEEK_ISO FROM DATE '2024-03-03') AS g
-- extract_names
SELECT year(DATE '2024-02-29'), extract(YEAR FROM DATE '2024-02-29'), date_add(DATE '2024-02-29', 1), DATE '2024-02-29' + INTERVAL 1 DAY
-- date_add_sub
SELECT date_add(DATE '2024-02-28', 2) AS a, date_sub(DATE '2024-03-01', 1) AS b, dateadd(DAY, 5, DATE '2024-01-01') AS c, dateadd(MONTH, 1, TIMESTAMP '2024-01-31 10:00:00') AS d, date_add('2024-02-28', 1) AS e
-- datediff_forms
SELECT datediff(DATE '2024-03-01', DATE '2024-02-01') AS a, date_diff('2024-03-01', '2024-02-01') AS b, datediff(MONTH, DATE '2024-01-31', DATE '2024-03-01') AS c, timestampdiff(HOUR, TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-02 01:59:59') AS d
-- add_months_ends
SELECT add_months(DATE '2024-01-31', 1) AS a, add_months(DATE '2024-02-29', 12) AS b, add_months(DATE '2024-02-29', -1) AS c
-- months_between_forms
SELECT months_between(DATE '2024-03-31', DATE '2024-02-29') AS a, months_between(TIMESTAMP '2024-03-15 12:00:00', DATE '2024-01-01') AS b, months_between('2024-03-15', '2024-01-01', false) AS c
-- next_day_trunc
SELECT next_day(DATE '2024-02-29', 'MON') AS a, trunc(DATE '2024-02-29', 'MM') AS b, trunc(DATE '2024-02-29', 'YEAR') AS c, trunc(DATE '2024-02-29', 'WEEK') AS d, trunc(DATE '2024-02-29', 'QUARTER') AS e
-- date_trunc_forms
SELECT date_trunc('HOUR', TIMESTAMP '2024-02-29 12:34:56.789') AS a, date_trunc('MONTH', DATE '2024-02-29') AS b, date_trunc('WEEK', TIMESTAMP '2024-02-29 12:34:56') AS c, date_trunc('bogus', TIMESTAMP '2024-02-29 12:34:56') AS d
-- date_format_forms
SELECT date_format(TIMESTAMP '2024-02-09 13:04:05.678', 'yyyy-MM-dd HH:mm:ss.SSS') AS a, date_format(DATE '2024-02-09', 'EEE, d MMM yy') AS b, date_format(DATE '2024-02-09', 'EEEE MMMM D') AS c, date_format(TIMESTAMP '2024-02-09 13:04:05', 'hh:mm a') AS d, date_format(DATE '2024-02-09', 'Q') AS e
-- to_date_forms
SELECT to_date('2024-02-09') AS a, to_date('09/02/2024', 'dd/MM/yyyy') AS b, to_timestamp('2024-02-09 01:02:03') AS c, to_timestamp('09.02.2024 01:02', 'dd.MM.yyyy HH:mm') AS d
-- to_date_bad
SELECT to_date('nonsense') AS a
-- to_date_bad_format
SELECT to_date('2024-02-09', 'dd/MM/yyyy') AS a
-- try_to_timestamp
SELECT try_to_timestamp('nonsense') AS a, try_to_date('nonsense') AS b
-- make_date_forms
SELECT make_date(2024, 2, 29) AS a, make_timestamp(2024, 2, 29, 12, 30, 15.5) AS b
-- make_date_bad
SELECT make_date(2023, 2, 29) AS a
-- unix_forms
SELECT unix_timestamp(TIMESTAMP '1970-01-02 00:00:01') AS a, from_unixtime(86401) AS b, unix_date(DATE '1970-01-11') AS c, date_from_unix_date(10) AS d, timestamp_seconds(1.5) AS e, timestamp_millis(1500) AS f, unix_millis(TIMESTAMP '1970-01-01 00:00:01') AS g, unix_micros(TIMESTAMP '1970-01-01 00:00:01') AS h
-- interval_day_time
SELECT TIMESTAMP '2024-01-31 10:00:00' + INTERVAL '1 02:03:04' DAY TO SECOND AS a, TIMESTAMP '2024-01-31 10:00:00' - INTERVAL 90 MINUTES AS b, DATE '2024-01-31' + INTERVAL 12 HOURS AS c
-- interval_year_month
SELECT DATE '2024-01-31' + INTERVAL 1 MONTH AS a, DATE '2024-02-29' + INTERVAL '1' YEAR AS b, TIMESTAMP '2024-01-31 10:00:00' + INTERVAL '1-2' YEAR TO MONTH AS c, DATE '2024-03-31' - INTERVAL 1 MONTH AS d
-- interval_mixed_date
SELECT DATE '2024-01-31' + INTERVAL 30 DAYS AS a, DATE '2024-01-31' - INTERVAL '90' DAY AS b, DATE '2024-01-31' + INTERVAL '1' WEEK AS c
-- interval_values_as_text
SELECT CAST(INTERVAL '1 02:03:04.5' DAY TO SECOND AS STRING) AS a, CAST(INTERVAL '1-2' YEAR TO MONTH AS STRING) AS b, CAST(INTERVAL 3 DAYS AS STRING) AS c
-- interval_of_days_value
SELECT INTERVAL '1 02:03:04.5' DAY TO SECOND AS a, INTERVAL 3 DAYS AS b, INTERVAL 90 MINUTES AS c
-- interval_arithmetic
SELECT INTERVAL 1 DAY * 2 AS a, INTERVAL 3 HOURS / 2 AS b, INTERVAL 1 DAY + INTERVAL 2 HOURS AS c, -INTERVAL 1 DAY AS d
-- timestamp_difference
SELECT TIMESTAMP '2024-01-02 12:00:00' - TIMESTAMP '2024-01-01 00:00:00' AS a, DATE '2024-03-01' - DATE '2024-02-01' AS b, TIMESTAMP '2024-01-02 12:00:00' - DATE '2024-01-01' AS c
-- interval_compare
SELECT INTERVAL 1 DAY > INTERVAL 23 HOURS AS a, INTERVAL '1' YEAR = INTERVAL 12 MONTHS AS b
-- extract_from_interval
SELECT extract(HOUR FROM INTERVAL '1 02:03:04' DAY TO SECOND) AS a, extract(DAY FROM INTERVAL 3 DAYS) AS b, extract(SECOND FROM INTERVAL '3.25' SECOND) AS c
-- date_plus_time_refused
SELECT DATE '2024-01-31' + DATE '2024-01-31' AS a
-- timestamp_plus_int_refused
SELECT TIMESTAMP '2024-01-31 00:00:00' + 1 AS a
-- interval_times_interval_refused
SELECT INTERVAL 1 DAY * INTERVAL 1 DAY AS a
-- year_of_int_refused
SELECT year(2024) AS a
-- year_of_string
SELECT year('2024-05-06') AS a, month('2024-05-06 01:02:03') AS b
-- compare_dates
SELECT DATE '2024-01-01' < DATE '2024-01-02' AS a, DATE '2024-01-01' BETWEEN DATE '2023-12-31' AND DATE '2024-01-01' AS b, greatest(DATE '2024-01-01', DATE '2024-05-01') AS c
-- min_max_dates
SELECT min(hired) AS a, max(hired) AS b, count(hired) AS c FROM emp
-- group_by_month
SELECT year(hired) AS y, month(hired) AS m, count(*) AS n FROM emp GROUP BY year(hired), month(hired) ORDER BY y, m
-- group_by_trunc
SELECT date_trunc('MONTH', hired) AS m, count(*) AS n FROM emp GROUP BY 1 ORDER BY 1
-- tumbling_window
SELECT window.start AS s, window.end AS e, count(*) AS n FROM events GROUP BY window(ts, '10 minutes') ORDER BY s
-- sliding_window
SELECT window.start AS s, sum(n) AS n FROM events WHERE id <= 3 GROUP BY window(ts, '10 minutes', '5 minutes') ORDER BY s
-- timestamps_of_table
SELECT id, date(ts) AS d, hour(ts) AS h, ts + INTERVAL 1 SECOND AS later FROM events ORDER BY id
-- time_zone_functions
SELECT from_utc_timestamp(TIMESTAMP '2024-07-01 12:00:00', 'Europe/Vienna') AS a, to_utc_timestamp(TIMESTAMP '2024-01-01 12:00:00', 'America/New_York') AS b, convert_timezone('UTC', 'Asia/Tokyo', TIMESTAMP_NTZ '2024-01-01 00:00:00') AS c
-- sequence_of_dates
SELECT sequence(DATE '2024-01-30', DATE '2024-02-02') AS a, sequence(DATE '2024-01-31', DATE '2024-04-30', INTERVAL 1 MONTH) AS b
-- old_dates
SELECT year(DATE '1582-10-04') AS a, DATE '0001-01-01' AS b, date_add(DATE '1582-10-04', 1) AS c, dayofweek(DATE '1900-01-01') AS d
-- dayname_monthname
SELECT dayname(DATE '2024-02-29') AS a, monthname(DATE '2024-02-29') AS b
-- current_is_stable
SELECT current_date() = current_date AS a, now() = current_timestamp() AS b
