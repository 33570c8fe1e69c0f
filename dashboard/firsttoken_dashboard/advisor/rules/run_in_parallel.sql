-- Which calls were made one after the other under the same span? The latest of them, in order: trace_id, parent_span_id,
-- span_id, site_id, model, start_s, end_s (since the epoch), visible output tokens, depends_on (NULL: not looked),
-- messages (hash of each message block), request_hash, cached (a part of the prompt came from the cache), max_tokens.
WITH siblings AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY trace_id, parent_span_id) AS in_family
    FROM audited
    WHERE error_type IS NULL AND parent_span_id IS NOT NULL AND duration_s > 0 AND model IS NOT NULL
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
        list_filter(calls.prompt_blocks, lambda block: starts_with(block, 'messages:') OR starts_with(block, 'prior:')),
        lambda block: split_part(block, ':', 2)
    ) AS messages,
    latest.request_hash,
    coalesce(latest.cache_read_tokens, 0) + coalesce(latest.cache_write_tokens, 0) > 0 AS cached,
    latest.max_tokens
FROM latest
INNER JOIN calls ON latest.call_row = calls.rowid
ORDER BY latest.trace_id, latest.parent_span_id, latest.start_time, latest.end_time
