-- How often did `firsttoken demo` run into this store? n: each run leaves one span of its own.
SELECT count(*) AS n
FROM spans
WHERE service_name = 'firsttoken-demo' AND name = 'firsttoken demo'
