-- How many calls does the filter leave, how many of them failed, and what did they cost? n, failures, cost.
WITH bucket AS (
    SELECT
        -- is bucket_columns.sql
    FROM calls
    WHERE
        -- is calls_kept.sql
    GROUP BY model, speed, service_tier, inference_geo, bracket, counted
), priced AS (
    -- is bucket_priced.sql
)
SELECT
    coalesce(sum(n_calls), 0)::BIGINT AS n_calls,
    coalesce(sum(n_errors), 0)::BIGINT AS n_errors,
    sum(cost_usd) AS cost_usd
FROM priced
