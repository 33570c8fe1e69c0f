-- Which sites are slow to the first token, and what do their slow calls have in common? Per site and model with a p95 over
-- $limit_s: site_id, model, n (streamed calls that succeeded), p50 and p95 of time to first token (s), and of its calls over the
-- limit: a list of [ttft_s, retry_s (sleeps and failed attempts), connection_s, headers_s, processed tokens, silent
-- thinking tokens, tokens_per_second], at most 200; how many of those had an attempt that timed out; whether any call
-- tells the shape of its prompt.
WITH failed AS (
    SELECT
        calls.trace_id,
        calls.span_id,
        sum(TRY_CAST(json_extract_string(attempt.value, '$.attributes.duration') AS DOUBLE)) AS seconds,
        max(
            CASE WHEN contains(lower(json_extract_string(attempt.value, '$.attributes."error.type"')), 'timeout') THEN 1 ELSE 0 END
        ) AS timed_out
    FROM calls, json_each(calls.attempt_events) AS attempt
    WHERE calls.attempts > 1
    GROUP BY calls.trace_id, calls.span_id
),
streamed AS (
    SELECT
        audited.*,
        coalesce(audited.retry_wait_s, 0) + coalesce(failed.seconds, 0) AS retry_s,
        coalesce(failed.timed_out, 0) AS timed_out,
        audited.block_count > 0 AS shaped
    FROM audited
    LEFT JOIN failed ON audited.trace_id = failed.trace_id AND audited.span_id = failed.span_id
    WHERE audited.error_type IS NULL AND audited.ttft_s > 0 AND audited.model IS NOT NULL
)
SELECT
    site_id,
    model,
    count(*) AS n,
    quantile_cont(ttft_s, 0.5) AS ttft_p50_s,
    quantile_cont(ttft_s, 0.95) AS ttft_p95_s,
    arg_min(
        [
            ttft_s,
            retry_s,
            coalesce(connection_s, 0),
            coalesce(time_to_headers_s, -1),
            CAST(input_tokens - coalesce(cache_read_tokens, 0) AS DOUBLE),
            CASE WHEN time_to_first_text_s - ttft_s < 0.1 * ttft_s THEN coalesce(thinking_tokens, 0) ELSE 0 END,
            coalesce(tokens_per_second, -1)
        ],
        hash(span_id),
        200
    ) FILTER (ttft_s > $limit_s) AS slow,
    sum(timed_out) FILTER (ttft_s > $limit_s) AS timed_out,
    bool_or(shaped) AS shaped
FROM streamed
GROUP BY site_id, model
HAVING quantile_cont(ttft_s, 0.95) > $limit_s
ORDER BY ttft_p95_s DESC
