-- Which calls without a source line of their own did one place make? Added to `watched` (watched_files.sql); needs the
-- temporary tables of located.sql and places.sql.
INSERT INTO watched
WITH here AS (
    SELECT calls.trace_id, calls.span_id, places.*
    FROM located
    INNER JOIN places ON located.place = places.place
    INNER JOIN calls ON located.call_row = calls.rowid
    WHERE
        places.service IS NOT DISTINCT FROM $site_service
        AND places.file IS NOT DISTINCT FROM $file
        AND places.parent IS NOT DISTINCT FROM $parent
        AND places.prompt IS NOT DISTINCT FROM $prompt
),
size AS (
    SELECT COUNT(*) AS n FROM here
)
SELECT
    here.service,
    here.file,
    here.parent,
    here.prompt,
    here.function,
    here.line,
    priced.trace_id,
    priced.span_id,
    priced.parent_span_id,
    priced.start_time,
    priced.end_time,
    priced.request_model,
    priced.response_model,
    priced.stream,
    priced.cache_read_tokens,
    priced.cache_write_tokens,
    priced.prompt_blocks,
    priced.attempt_events,
    priced.client_calls,
    priced.client_construction_s,
    priced.connection_new,
    priced.connection_s,
    priced.timeout_s,
    priced.error_type,
    priced.http_status,
    priced.time_to_first_text_s,
    priced.ttft_s,
    priced.duration_s,
    priced.output_tokens,
    priced.retry_wait_s,
    priced.cost_usd,
    priced.service_version,
    priced.max_tokens,
    priced.max_retries,
    priced.effort,
    priced.thinking,
    priced.tool_count
FROM here
INNER JOIN priced_calls AS priced ON here.trace_id = priced.trace_id AND here.span_id = priced.span_id, size
WHERE size.n <= $most OR (HASH(priced.trace_id) >> 11) / 9007199254740992.0 < $most / size.n
