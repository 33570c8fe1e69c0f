-- How many of the window's calls carry what rules need? One row for those that were answered and one for those that failed
-- (`failed`), where there are such: calls, model (those of which it is known), and how many carry each column.
SELECT
    error_type IS NOT NULL AS failed,
    COUNT(*) AS calls,
    COUNT(COALESCE(request_model, response_model)) AS model,
    COUNT(parent_span_id) AS parent_span_id,
    COUNT(stream) AS stream,
    COUNT(stop_reason) AS stop_reason,
    COUNT(timeout_s) AS timeout_s,
    COUNT(input_tokens) AS input_tokens,
    COUNT(output_tokens) AS output_tokens,
    COUNT(thinking_tokens) AS thinking_tokens,
    COUNT(cache_write_tokens) AS cache_write_tokens,
    COUNT(client_id) AS client_id,
    COUNT(client_calls) AS client_calls,
    COUNT(request_hash) AS request_hash,
    COUNT(response_blocks) AS response_blocks,
    COUNT(depends_on) AS depends_on
FROM calls
WHERE
    operation = 'chat'
    AND ($since IS NULL OR start_time >= $since)
    AND ($until IS NULL OR start_time < $until)
    AND ($service IS NULL OR service_name = $service)
GROUP BY failed
ORDER BY failed
