-- What do the window's calls add up to? One row per $grain (second to day) and model: its start, model, n, failures,
-- streamed calls with a first token, calls with a decode rate, cache reads and all input (of calls that report both),
-- cost, calls with a price, calls that want one, seconds lost to backoff.
SELECT
    date_trunc($grain, start_time)::TIMESTAMP AS moment,
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    count(error_type) AS n_errors,
    count(ttft_s) AS n_ttft,
    count(tokens_per_second) AS n_rate,
    sum(cache_read_tokens)::DOUBLE AS cache_read_tokens,
    sum(CASE WHEN cache_read_tokens IS NOT NULL THEN input_tokens END)::DOUBLE AS cacheable_tokens,
    sum(cost_usd) AS cost_usd,
    count(cost_usd) AS n_priced,
    count(CASE WHEN cost_usd IS NULL AND error_type IS NULL THEN 1 END) AS n_unpriced,
    sum(retry_wait_s) AS waited_s
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY moment, model
