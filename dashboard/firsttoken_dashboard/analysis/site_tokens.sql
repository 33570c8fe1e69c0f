-- What do the successful calls of one site use, model by model? Most calls first: model, n, mean tokens: input that was
-- not cached, read from the cache, written to it for 5 min and for 1 h, output.
SELECT
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    avg(uncached_input_tokens) AS uncached_tokens,
    avg(coalesce(cache_read_tokens, 0)) AS read_tokens,
    avg(coalesce(cache_write_tokens, 0) - coalesce(cache_write_1h_tokens, 0)) AS written_5m_tokens,
    avg(coalesce(cache_write_1h_tokens, 0)) AS written_1h_tokens,
    avg(output_tokens) AS output_tokens
FROM calls
WHERE
    operation = 'chat'
    AND error_type IS NULL
    AND uncached_input_tokens IS NOT NULL
    AND output_tokens IS NOT NULL
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND code_file = $file
    AND ($line::BIGINT IS NULL OR code_line = $line)
GROUP BY model
ORDER BY n_calls DESC, model
