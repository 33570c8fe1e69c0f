-- Where does somebody wait mostly for the writing of a long answer? Per site and model: site_id, model, n (calls that
-- succeeded at the usual speed, with somebody waiting), weight, typical max_tokens, whether most stream, p50 and p95 of
-- the seconds between the first and the last token, their median share of the call, median duration (s), median output
-- tokens, thinking's share of it, share of answers that cannot be read as they come (JSON, no text), mean uncached, read, written and output tokens, sample traces.
WITH waited AS (
    SELECT
        *,
        coalesce(
            CASE WHEN tokens_per_second > 0 THEN output_tokens / tokens_per_second END, duration_s - ttft_s
        ) AS writing_s
    FROM audited
    WHERE
        error_type IS NULL
        AND interactive
        AND model IS NOT NULL
        AND output_tokens > 0
        AND duration_s > 0
        AND coalesce(speed, 'standard') = 'standard'
        AND coalesce(service_tier, 'standard') = 'standard'
)
SELECT
    site_id,
    model,
    count(*) AS n,
    sum(weight) AS weight,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    quantile_cont(writing_s, 0.5) AS writing_p50_s,
    quantile_cont(writing_s, 0.95) AS writing_p95_s,
    quantile_cont(duration_s, 0.5) AS duration_p50_s,
    quantile_cont(duration_s, 0.95) AS duration_p95_s,
    quantile_cont(output_tokens, 0.5) AS output_p50,
    quantile_cont(output_tokens, 0.95) AS output_p95,
    sum(coalesce(thinking_tokens, 0)) / sum(output_tokens) AS thinking_share,
    avg(
        CASE
            WHEN output_type = 'json' THEN 1
            WHEN len(list_filter(response_blocks, lambda block: starts_with(block, 'text:'))) = 0 THEN 1
            ELSE 0
        END
    ) AS unreadable,
    avg(input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0)) AS uncached,
    avg(coalesce(cache_read_tokens, 0)) AS read,
    avg(coalesce(cache_write_tokens, 0) - coalesce(cache_write_1h_tokens, 0)) AS write_5m,
    avg(coalesce(cache_write_1h_tokens, 0)) AS write_1h,
    avg(output_tokens) AS output,
    (array_agg(trace_id ORDER BY duration_s DESC))[1:3] AS traces
FROM waited
GROUP BY site_id, model
ORDER BY site_id, model
