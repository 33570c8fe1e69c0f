-- Which calls did the places of one file (or one place without a source line) make? In time order, whole traces, one of $every: the
-- columns of before_after.Call, its configuration last. Needs the temporary tables of located.sql and places.sql and the view of price.sql.
WITH here AS (
    SELECT calls.trace_id, calls.span_id, places.function, places.line, calls.attempt_events, calls.prompt_blocks
    FROM located
    INNER JOIN places ON located.place = places.place
    INNER JOIN calls ON located.call_row = calls.rowid
    WHERE
        places.service IS NOT DISTINCT FROM $site_service
        AND places.file IS NOT DISTINCT FROM $file
        AND places.parent IS NOT DISTINCT FROM $parent
        AND places.prompt IS NOT DISTINCT FROM $prompt
        AND HASH(calls.trace_id) % $every = 0
),
told AS (
    SELECT
        *,
        FROM_JSON(
            attempt_events,
            '[{"attributes": {"http.response.status_code": "BIGINT", "error.type": "VARCHAR", "duration": "DOUBLE"}}]'
        ) AS attempts_failed,
        LIST_FILTER(prompt_blocks, lambda block: STARTS_WITH(block, 'tools:') OR STARTS_WITH(block, 'system:')) AS head
    FROM here
)
SELECT
    EPOCH(priced.start_time)::DOUBLE AS start_s,
    EPOCH(priced.end_time)::DOUBLE AS end_s,
    priced.trace_id,
    priced.parent_span_id,
    COALESCE(priced.request_model, priced.response_model) AS model,
    told.function,
    priced.stream,
    COALESCE(priced.cache_read_tokens, 0) + COALESCE(priced.cache_write_tokens, 0) > 0
    OR COALESCE(
        LIST_BOOL_OR(LIST_TRANSFORM(told.prompt_blocks, lambda block: SPLIT_PART(block, ':', 4) IN ('5m', '1h'))), FALSE
    ) AS cache_used,
    priced.client_calls,
    priced.connection_new,
    CASE
        WHEN priced.client_calls IS NULL THEN NULL
        WHEN priced.client_calls = 1 THEN COALESCE(priced.client_construction_s, 0)
        ELSE 0
    END + COALESCE(priced.connection_s, 0) AS setup_s,
    priced.timeout_s,
    priced.error_type IS NOT NULL AS failed,
    COALESCE(priced.http_status = 529 OR priced.error_type IN ('overloaded_error', 'OverloadedError', '529'), FALSE)
        AS refused,
    COALESCE(priced.http_status = 429 OR priced.error_type IN ('rate_limit_error', 'RateLimitError', '429'), FALSE)
        AS limited,
    COALESCE(
        LOWER(priced.error_type) LIKE '%timeout%'
        OR LIST_BOOL_OR(LIST_TRANSFORM(
            told.attempts_failed,
            lambda attempt: COALESCE(LOWER(attempt.attributes."error.type") LIKE '%timeout%', FALSE)
        )),
        FALSE
    ) AS timed_out,
    CASE
        WHEN priced.stream THEN COALESCE(priced.time_to_first_text_s, priced.ttft_s)
        WHEN NOT priced.stream THEN priced.duration_s
    END AS wait_s,
    priced.ttft_s,
    priced.duration_s,
    priced.output_tokens,
    CASE
        WHEN priced.error_type IS NOT NULL THEN COALESCE(priced.duration_s, 0)
        ELSE COALESCE(priced.retry_wait_s, 0) + COALESCE(
            LIST_SUM(LIST_TRANSFORM(told.attempts_failed, lambda attempt: COALESCE(attempt.attributes.duration, 0))), 0
        )
    END::DOUBLE AS lost_s,
    priced.cost_usd,
    priced.service_version,
    told.line,
    told.function,
    priced.max_tokens,
    priced.timeout_s,
    priced.max_retries,
    priced.effort,
    priced.thinking,
    priced.tool_count,
    ARRAY_TO_STRING(told.head, ' ') AS head
FROM told
INNER JOIN priced_calls AS priced ON told.trace_id = priced.trace_id AND told.span_id = priced.span_id
ORDER BY priced.start_time, priced.span_id
