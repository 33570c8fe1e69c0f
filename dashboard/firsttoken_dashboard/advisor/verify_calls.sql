-- Which calls did the places of one file (or one place without a source line) make? Of the temporary table `watched`, in
-- time order: the columns of before_after.Call, its configuration last.
WITH told AS (
    SELECT
        *,
        FROM_JSON(
            attempt_events,
            '[{"attributes": {"http.response.status_code": "BIGINT", "error.type": "VARCHAR", "duration": "DOUBLE"}}]'
        ) AS attempts_failed,
        LIST_FILTER(prompt_blocks, lambda block: STARTS_WITH(block, 'tools:') OR STARTS_WITH(block, 'system:')) AS head
    FROM watched
    WHERE
        site_service IS NOT DISTINCT FROM $site_service
        AND site_file IS NOT DISTINCT FROM $file
        AND site_parent IS NOT DISTINCT FROM $parent
        AND site_prompt IS NOT DISTINCT FROM $prompt
)
SELECT
    EPOCH(told.start_time)::DOUBLE AS start_s,
    EPOCH(told.end_time)::DOUBLE AS end_s,
    told.trace_id,
    told.parent_span_id,
    COALESCE(told.request_model, told.response_model) AS model,
    told.site_function,
    told.stream,
    COALESCE(told.cache_read_tokens, 0) + COALESCE(told.cache_write_tokens, 0) > 0
    OR COALESCE(
        LIST_BOOL_OR(LIST_TRANSFORM(told.prompt_blocks, lambda block: SPLIT_PART(block, ':', 4) IN ('5m', '1h'))), FALSE
    ) AS cache_used,
    told.client_calls,
    told.connection_new,
    CASE
        WHEN told.client_calls IS NULL THEN NULL
        WHEN told.client_calls = 1 THEN COALESCE(told.client_construction_s, 0)
        ELSE 0
    END + COALESCE(told.connection_s, 0) AS setup_s,
    told.timeout_s,
    told.error_type IS NOT NULL AS failed,
    COALESCE(told.http_status = 529 OR told.error_type IN ('overloaded_error', 'OverloadedError', '529'), FALSE)
        AS refused,
    COALESCE(told.http_status = 429 OR told.error_type IN ('rate_limit_error', 'RateLimitError', '429'), FALSE)
        AS limited,
    COALESCE(
        LOWER(told.error_type) LIKE '%timeout%'
        OR LIST_BOOL_OR(LIST_TRANSFORM(
            told.attempts_failed,
            lambda attempt: COALESCE(LOWER(attempt.attributes."error.type") LIKE '%timeout%', FALSE)
        )),
        FALSE
    ) AS timed_out,
    CASE
        WHEN told.stream THEN COALESCE(told.time_to_first_text_s, told.ttft_s)
        WHEN NOT told.stream THEN told.duration_s
    END AS wait_s,
    told.ttft_s,
    told.duration_s,
    told.output_tokens,
    CASE
        WHEN told.error_type IS NOT NULL THEN COALESCE(told.duration_s, 0)
        ELSE COALESCE(told.retry_wait_s, 0) + COALESCE(
            LIST_SUM(LIST_TRANSFORM(told.attempts_failed, lambda attempt: COALESCE(attempt.attributes.duration, 0))), 0
        )
    END::DOUBLE AS lost_s,
    told.cost_usd,
    told.service_version,
    told.site_line,
    told.site_function,
    told.max_tokens,
    told.timeout_s,
    told.max_retries,
    told.effort,
    told.thinking,
    told.tool_count,
    ARRAY_TO_STRING(told.head, ' ') AS head
FROM told
ORDER BY told.start_time, told.span_id
