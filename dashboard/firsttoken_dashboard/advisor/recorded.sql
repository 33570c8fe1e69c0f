-- What did the prompt cache see of the calls of one site and model? Its latest calls that succeeded, in the order of
-- their start: start_s (since the epoch), headers_s, duration_s, streamed, model (the one that answered), workspace,
-- speed, settings, batch, geo, prompt_blocks, tokens (uncached, read, written 5 min, written 1 h, output), weight.
WITH latest AS (
    SELECT call_row, weight
    FROM every_call
    WHERE site_id = $site AND model = $model AND NOT failed
    ORDER BY start_time DESC
    LIMIT $most
)
SELECT
    EPOCH(calls.start_time) AS start_s,
    calls.time_to_headers_s,
    calls.duration_s,
    calls.stream IS TRUE AS streamed,
    COALESCE(calls.response_model, calls.request_model) AS model,
    CONCAT_WS(' ', calls.server_address, calls.workspace_id) AS workspace,
    calls.speed,
    calls.settings_hash,
    calls.service_tier IS NOT DISTINCT FROM 'batch' AS batch,
    calls.inference_geo,
    calls.prompt_blocks,
    calls.input_tokens - COALESCE(calls.cache_read_tokens, 0) - COALESCE(calls.cache_write_tokens, 0)
        AS uncached_tokens,
    COALESCE(calls.cache_read_tokens, 0) AS read_tokens,
    COALESCE(calls.cache_write_tokens, 0) - COALESCE(calls.cache_write_1h_tokens, 0) AS write_5m_tokens,
    COALESCE(calls.cache_write_1h_tokens, 0) AS write_1h_tokens,
    calls.output_tokens,
    latest.weight
FROM latest
INNER JOIN calls ON latest.call_row = calls.rowid
WHERE calls.input_tokens > 0 AND LEN(calls.prompt_blocks) > 0
ORDER BY calls.start_time
