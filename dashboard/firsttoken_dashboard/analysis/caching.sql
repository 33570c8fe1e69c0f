-- How does each site use the prompt cache? One row per service, file, line, model that reports it, most input first: n,
-- calls that read, calls that wrote, tokens read, written, neither, their cost apart, calls whose prompt carries a mark.
SELECT
    service_name,
    code_file,
    code_line,
    code_function,
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    count(CASE WHEN cache_read_tokens > 0 THEN 1 END) AS n_reading,
    count(CASE WHEN cache_write_tokens > 0 THEN 1 END) AS n_writing,
    sum(cache_read_tokens)::DOUBLE AS read_tokens,
    sum(cache_write_tokens)::DOUBLE AS written_tokens,
    sum(uncached_input_tokens)::DOUBLE AS uncached_tokens,
    sum(cache_read_cost_usd) AS read_usd,
    sum(cache_write_cost_usd) AS written_usd,
    sum(uncached_cost_usd) AS uncached_usd
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND cache_read_tokens IS NOT NULL
GROUP BY service_name, code_file, code_line, code_function, model
ORDER BY sum(input_tokens) DESC, service_name, code_file, code_line
LIMIT 200
