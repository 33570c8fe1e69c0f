-- How many calls does the filter leave, how many of them failed, and what did they cost? n, failures, cost.
SELECT count(*) AS n_calls, count(error_type) AS n_errors, sum(cost_usd) AS cost_usd
FROM priced_calls
WHERE
    -- is calls_kept.sql
