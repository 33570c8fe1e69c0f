-- How long do the calls of each line of the application take? One row per service, file, line, function: lists of the time to
-- first token and of the duration at p50 and p95, tokens per second at p50.
SELECT
    service_name,
    code_file,
    code_line,
    code_function,
    quantile_cont(ttft_s, [0.5, 0.95]) AS ttft_s,
    quantile_cont(duration_s, [0.5, 0.95]) AS duration_s,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY service_name, code_file, code_line, code_function
