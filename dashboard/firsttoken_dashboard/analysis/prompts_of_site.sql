-- What did the prompt cache see of one site's calls to $model? Its latest $most that succeeded, in the order of their
-- start: span_id, start_s (since the epoch), headers_s, duration_s, workspace, speed, settings, batch, geo,
-- prompt_blocks, tokens (uncached, read, written for 5 min, written for 1 h).
WITH latest AS (
    SELECT *
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND service_name IS NOT DISTINCT FROM $site_service
        AND code_file IS NOT DISTINCT FROM $file
        AND code_line IS NOT DISTINCT FROM $line
        AND code_function IS NOT DISTINCT FROM $function
        AND coalesce(response_model, request_model) = $model
        AND error_type IS NULL
        AND input_tokens > 0
        AND cache_read_tokens IS NOT NULL
        AND len(prompt_blocks) > 0
    ORDER BY start_time DESC
    LIMIT $most
)
SELECT
    span_id,
    epoch(start_time) AS start_s,
    time_to_headers_s,
    duration_s,
    concat_ws(' ', server_address, workspace_id) AS workspace,
    speed,
    settings_hash,
    service_tier IS NOT DISTINCT FROM 'batch' AS batch,
    inference_geo,
    prompt_blocks,
    input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0) AS uncached_tokens,
    coalesce(cache_read_tokens, 0) AS read_tokens,
    coalesce(cache_write_tokens, 0) - coalesce(cache_write_1h_tokens, 0) AS write_5m_tokens,
    coalesce(cache_write_1h_tokens, 0) AS write_1h_tokens
FROM latest
ORDER BY start_time
