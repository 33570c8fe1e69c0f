-- What did the prompt cache see of the calls of one site and model? Its latest calls that succeeded, in the order of
-- their start: start_s (since the epoch), headers_s, duration_s, streamed, model (the one that answered), workspace,
-- speed, settings, batch, geo, prompt_blocks, tokens (uncached, read, written 5 min, written 1 h, output), weight.
WITH latest AS (
    SELECT
        epoch(audited.start_time) AS start_s,
        audited.time_to_headers_s,
        audited.duration_s,
        audited.stream IS TRUE AS streamed,
        coalesce(audited.response_model, audited.request_model) AS model,
        concat_ws(' ', audited.server_address, audited.workspace_id) AS workspace,
        audited.speed,
        audited.settings_hash,
        audited.service_tier IS NOT DISTINCT FROM 'batch' AS batch,
        audited.inference_geo,
        calls.prompt_blocks,
        audited.input_tokens - coalesce(audited.cache_read_tokens, 0) - coalesce(audited.cache_write_tokens, 0)
            AS uncached_tokens,
        coalesce(audited.cache_read_tokens, 0) AS read_tokens,
        coalesce(audited.cache_write_tokens, 0) - coalesce(audited.cache_write_1h_tokens, 0) AS write_5m_tokens,
        coalesce(audited.cache_write_1h_tokens, 0) AS write_1h_tokens,
        audited.output_tokens,
        audited.weight
    FROM audited
    INNER JOIN calls ON audited.trace_id = calls.trace_id AND audited.span_id = calls.span_id
    WHERE
        audited.site_id = $site
        AND audited.model = $model
        AND audited.error_type IS NULL
        AND audited.input_tokens > 0
        AND len(calls.prompt_blocks) > 0
    ORDER BY audited.start_time DESC
    LIMIT $most
)
SELECT *
FROM latest
ORDER BY start_s
