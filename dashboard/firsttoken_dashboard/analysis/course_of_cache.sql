-- How was the input served over time? One row per $grain: start, tokens read from the cache, written to it, neither.
SELECT
    date_trunc($grain, start_time)::TIMESTAMP AS moment,
    sum(cache_read_tokens)::DOUBLE AS read_tokens,
    sum(cache_write_tokens)::DOUBLE AS written_tokens,
    sum(uncached_input_tokens)::DOUBLE AS uncached_tokens
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND cache_read_tokens IS NOT NULL
GROUP BY moment
ORDER BY moment
