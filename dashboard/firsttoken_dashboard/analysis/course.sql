-- How did the scores go over time? One row per $grain (minute, hour, day) that has calls: its start, then as scores.sql.
SELECT
    date_trunc($grain, start_time)::TIMESTAMP AS moment,
    count(*) AS n_calls,
    count(error_type) AS n_errors,
    quantile_cont(ttft_s, 0.5) AS ttft_p50_s,
    quantile_cont(ttft_s, 0.95) AS ttft_p95_s,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50,
    sum(CASE WHEN cache_read_tokens IS NOT NULL THEN cache_read_tokens END)::DOUBLE AS cache_read_tokens,
    sum(CASE WHEN cache_read_tokens IS NOT NULL THEN input_tokens END)::DOUBLE AS cacheable_tokens,
    sum(cost_usd) AS cost_usd,
    sum(retry_wait_s) AS waited_s
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY moment
ORDER BY moment
