-- emp
SELECT * FROM VALUES
  (1, 'Ada', 10, CAST(5200.00 AS DECIMAL(10,2)), DATE '2019-03-01', CAST(NULL AS INT)),
  (2, 'Bob', 10, 4100.50, DATE '2020-07-15', 1),
  (3, 'Cleo', 20, 4100.50, DATE '2018-11-30', 1),
  (4, 'Dan', 20, 3000.00, DATE '2021-01-04', 3),
  (5, 'Eve', 30, NULL, DATE '2020-02-29', 3),
  (6, 'Fay', NULL, 2500.25, NULL, 2),
  (7, 'Gus', 99, 3900.00, DATE '2020-12-31', 2)
  AS emp(id, name, dept, salary, hired, manager)
-- dept
SELECT * FROM VALUES
  (10, 'Engineering', 'Graz'), (20, 'Sales', 'Wien'), (30, 'Legal', NULL), (40, 'Empty', 'Linz')
  AS dept(dept, title, city)
-- nums
SELECT * FROM VALUES
  (1, 10L, 1.5D, CAST(0.5 AS FLOAT), CAST(12.34 AS DECIMAL(10,2)), 'one', true),
  (2, -20L, -0.0D, CAST(-2.25 AS FLOAT), -0.01, 'Two', false),
  (NULL, 30L, CAST('NaN' AS DOUBLE), NULL, 99999999.99, '', NULL),
  (4, NULL, 0.0D, CAST('Infinity' AS FLOAT), NULL, NULL, true),
  (5, 50L, NULL, CAST(1 AS FLOAT), 0.00, ' pad ', false)
  AS nums(i, l, d, f, dec, s, b)
-- pairs
SELECT * FROM VALUES
  ('a', 1), ('a', 2), ('a', 2), ('b', 3), ('b', NULL), (NULL, 4), (NULL, NULL), ('c', 5)
  AS pairs(k, v)
-- others
SELECT * FROM VALUES ('a', 2), ('b', 3), (NULL, 4), ('d', 7), ('b', NULL) AS others(k, v)
-- sales
SELECT * FROM VALUES
  (2023, 1, 'north', 100), (2023, 1, 'south', 50), (2023, 2, 'north', 70), (2023, 2, 'south', NULL),
  (2024, 1, 'north', 120), (2024, 1, 'south', 80), (2024, 2, 'north', 20), (2024, 2, NULL, 5)
  AS sales(year, quarter, region, amount)
-- events
SELECT * FROM VALUES
  (1, TIMESTAMP '2024-01-01 00:00:00', 'open', 3), (2, TIMESTAMP '2024-01-01 00:07:30', 'click', 1),
  (3, TIMESTAMP '2024-01-01 00:10:00', 'click', 4), (4, TIMESTAMP '2024-01-01 00:31:59', 'close', 1),
  (5, TIMESTAMP '2024-02-29 23:59:59.999999', 'open', 5), (6, NULL, 'open', 9)
  AS events(id, ts, kind, n)
-- nested
SELECT * FROM VALUES
  (1, array(3, 1, 2), map('x', 1, 'y', 2), named_struct('p', 1, 'q', 'one')),
  (2, array(5, NULL), map('x', 10), named_struct('p', 2, 'q', 'two')),
  (3, CAST(array() AS ARRAY<INT>), CAST(map() AS MAP<STRING, INT>), named_struct('p', 3, 'q', CAST(NULL AS STRING))),
  (4, NULL, NULL, NULL)
  AS nested(id, arr, m, st)
