-- How does each line of the application that calls do? One row per service, file, line, function, dearest first: n,
-- failures, lists of time to first token and duration at p50 and p95, tokens per second, all input and output tokens,
-- cache reads and their base, cost.
SELECT
    service_name,
    code_file,
    code_line,
    code_function,
    count(*) AS n_calls,
    count(error_type) AS n_errors,
    quantile_cont(ttft_s, [0.5, 0.95]) AS ttft_s,
    quantile_cont(duration_s, [0.5, 0.95]) AS duration_s,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50,
    sum(input_tokens)::DOUBLE AS input_tokens,
    sum(output_tokens)::DOUBLE AS output_tokens,
    sum(cache_read_tokens)::DOUBLE AS cache_read_tokens,
    sum(CASE WHEN cache_read_tokens IS NOT NULL THEN input_tokens END)::DOUBLE AS cacheable_tokens,
    sum(cost_usd) AS cost_usd
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY service_name, code_file, code_line, code_function
ORDER BY cost_usd DESC NULLS LAST, n_calls DESC, service_name, code_file, code_line
LIMIT 200
