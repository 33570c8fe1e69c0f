-- What did the prompt cache see of the calls of one site and model? Its latest calls that succeeded, in the order of
-- their start: start_s (since the epoch), headers_s, duration_s, streamed, model (the one that answered), workspace,
-- speed, settings, batch, geo, prompt_blocks, tokens (uncached, read, written 5 min, written 1 h, output), weight.
WITH latest AS (
    SELECT *
    FROM audited
    WHERE site_id = $site AND model = $model AND error_type IS NULL AND input_tokens > 0 AND block_count > 0
    ORDER BY start_time DESC
    LIMIT $most
)
SELECT
    epoch(latest.start_time) AS start_s,
    latest.time_to_headers_s,
    latest.duration_s,
    latest.stream IS TRUE AS streamed,
    coalesce(latest.response_model, latest.request_model) AS model,
    concat_ws(' ', latest.server_address, latest.workspace_id) AS workspace,
    latest.speed,
    latest.settings_hash,
    latest.service_tier IS NOT DISTINCT FROM 'batch' AS batch,
    latest.inference_geo,
    calls.prompt_blocks,
    latest.input_tokens - coalesce(latest.cache_read_tokens, 0) - coalesce(latest.cache_write_tokens, 0)
        AS uncached_tokens,
    coalesce(latest.cache_read_tokens, 0) AS read_tokens,
    coalesce(latest.cache_write_tokens, 0) - coalesce(latest.cache_write_1h_tokens, 0) AS write_5m_tokens,
    coalesce(latest.cache_write_1h_tokens, 0) AS write_1h_tokens,
    latest.output_tokens,
    latest.weight
FROM latest
INNER JOIN calls ON latest.call_row = calls.rowid
ORDER BY latest.start_time
