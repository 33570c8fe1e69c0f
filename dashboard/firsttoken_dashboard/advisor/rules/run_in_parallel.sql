-- Which calls were made one after the other under the same span? The latest of them, in order: trace_id, parent_span_id,
-- span_id, site_id, model, start_s, end_s (since the epoch), visible output tokens, depends_on (NULL: not looked),
-- messages (hash of each message block), request_hash, cached (a part of the prompt came from the cache), max_tokens.
WITH recent AS (
    SELECT call_row, site_id, model, trace_key, start_time
    FROM every_call
    WHERE NOT failed AND model IS NOT NULL
    ORDER BY start_time DESC
    LIMIT $recent
),
-- Calls of one span are calls of one trace: a cheap question first.
together AS (
    SELECT *
    FROM recent
    QUALIFY COUNT(*) OVER (PARTITION BY trace_key) > 1
),
siblings AS (
    SELECT
        together.site_id,
        together.model,
        together.call_row,
        calls.*,
        COUNT(*) OVER (PARTITION BY calls.trace_id, calls.parent_span_id) AS in_family
    FROM together
    INNER JOIN calls ON together.call_row = calls.rowid
    WHERE calls.parent_span_id IS NOT NULL AND calls.duration_s > 0
),
latest AS (
    SELECT *
    FROM siblings
    WHERE in_family > 1
    ORDER BY start_time DESC
    LIMIT $most
)
SELECT
    latest.trace_id,
    latest.parent_span_id,
    latest.span_id,
    latest.site_id,
    latest.model,
    epoch(latest.start_time) AS start_s,
    epoch(latest.end_time) AS end_s,
    latest.output_tokens - coalesce(latest.thinking_tokens, 0) AS visible_tokens,
    latest.depends_on,
    list_transform(
        list_filter(latest.prompt_blocks, lambda block: starts_with(block, 'messages:') OR starts_with(block, 'prior:')),
        lambda block: split_part(block, ':', 2)
    ) AS messages,
    latest.request_hash,
    coalesce(latest.cache_read_tokens, 0) + coalesce(latest.cache_write_tokens, 0) > 0 AS cached,
    latest.max_tokens
FROM latest
ORDER BY latest.trace_id, latest.parent_span_id, latest.start_time, latest.end_time
