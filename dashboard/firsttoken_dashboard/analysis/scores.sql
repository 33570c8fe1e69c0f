-- How do the window's calls score? One row: n, failures, time to first token at p50 and p95 (a list, of streamed calls),
-- tokens per second at p50, cache reads and all input (of calls that report both), cost, calls without a price,
-- seconds lost to backoff.
SELECT
    count(*) AS n_calls,
    count(error_type) AS n_errors,
    quantile_cont(ttft_s, [0.5, 0.95]) AS ttft_s,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50,
    sum(cache_read_tokens)::DOUBLE AS cache_read_tokens,
    sum(CASE WHEN cache_read_tokens IS NOT NULL THEN input_tokens END)::DOUBLE AS cacheable_tokens,
    sum(cost_usd) AS cost_usd,
    count(CASE WHEN cost_usd IS NULL AND error_type IS NULL THEN 1 END) AS n_unpriced,
    sum(retry_wait_s) AS waited_s
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
