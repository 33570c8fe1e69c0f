-- What do the window's calls add up to? One row per $grain (second to month) and model: its start, model, n, failures,
-- streamed calls with a first token, calls with a decode rate, cache reads and all input (of calls that report both),
-- cost, calls with a price, calls that want one, seconds lost to backoff.
WITH bucket AS (
    SELECT
        -- is bucket_columns.sql
        ,
        date_trunc($grain, start_time)::TIMESTAMP AS moment,
        count(ttft_s) AS n_ttft,
        count(tokens_per_second) AS n_rate,
        sum(retry_wait_s) AS waited_s
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND ($service::VARCHAR IS NULL OR service_name = $service)
    GROUP BY model, speed, service_tier, inference_geo, bracket, counted, moment
), priced AS (
    -- is bucket_priced.sql
)
SELECT
    moment,
    model,
    sum(n_calls)::BIGINT AS n_calls,
    sum(n_errors)::BIGINT AS n_errors,
    sum(n_ttft)::BIGINT AS n_ttft,
    sum(n_rate)::BIGINT AS n_rate,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(cacheable_tokens) AS cacheable_tokens,
    sum(cost_usd) AS cost_usd,
    sum(CASE WHEN cost_usd IS NULL THEN 0 ELSE n_calls END)::BIGINT AS n_priced,
    sum(CASE WHEN cost_usd IS NULL THEN n_calls - n_errors ELSE 0 END)::BIGINT AS n_unpriced,
    sum(waited_s) AS waited_s
FROM priced
GROUP BY moment, model
