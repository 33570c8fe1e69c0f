-- How fast did each model answer here? A sample, spread over prompt sizes: model, kind ('streamed'; 'thinking': streamed
-- after thinking; 'whole': not streamed), processed (input tokens that came from no cache), seconds (to the first token;
-- 'whole': of the whole call), output_tokens, tokens_per_second, silent_tokens (thinking that sent no deltas).
WITH answered AS (
    SELECT
        model,
        span_id,
        CASE
            WHEN ttft_s IS NULL THEN 'whole'
            WHEN coalesce(thinking_tokens, 0) > 0 THEN 'thinking'
            WHEN thinking_tokens IS NULL AND coalesce(thinking, 'disabled') != 'disabled' THEN NULL
            ELSE 'streamed'
        END AS kind,
        CAST(input_tokens - coalesce(cache_read_tokens, 0) AS DOUBLE) AS processed,
        -- Opening a connection and waiting between attempts is not the model's time.
        coalesce(ttft_s, duration_s) - coalesce(connection_s, 0) AS seconds,
        CAST(output_tokens AS DOUBLE) AS output_tokens,
        tokens_per_second,
        CAST(CASE WHEN time_to_first_text_s - ttft_s < 0.1 * ttft_s THEN thinking_tokens ELSE 0 END AS DOUBLE)
            AS silent_tokens
    FROM audited
    WHERE
        model IS NOT NULL
        AND error_type IS NULL
        AND coalesce(attempts, 1) = 1
        AND coalesce(speed, 'standard') = 'standard'
        AND input_tokens IS NOT NULL
        AND output_tokens > 0
        AND (ttft_s > 0 OR (ttft_s IS NULL AND stream IS NOT TRUE AND duration_s > 0))
)
SELECT
    model,
    kind,
    arg_min(
        [processed, seconds, output_tokens, coalesce(tokens_per_second, -1), coalesce(silent_tokens, 0)],
        hash(span_id),
        80
    ) AS calls
FROM answered
WHERE kind IS NOT NULL
GROUP BY model, kind, floor(log2(greatest(processed, 1)))
ORDER BY model, kind
