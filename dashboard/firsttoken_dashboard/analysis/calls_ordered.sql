-- Which calls does the filter leave, in the order $order (started, duration, ttft, rate, input, output; $descending its
-- way)? row_id of the $size calls after the first $skip.
SELECT rowid AS row_id
FROM calls
WHERE
    -- is calls_kept.sql
ORDER BY
    CASE WHEN $descending THEN
        CASE $order
            WHEN 'duration' THEN duration_s WHEN 'ttft' THEN ttft_s WHEN 'rate' THEN tokens_per_second
            WHEN 'input' THEN input_tokens WHEN 'output' THEN output_tokens
        END
    END DESC NULLS LAST,
    CASE WHEN NOT $descending THEN
        CASE $order
            WHEN 'duration' THEN duration_s WHEN 'ttft' THEN ttft_s WHEN 'rate' THEN tokens_per_second
            WHEN 'input' THEN input_tokens WHEN 'output' THEN output_tokens
        END
    END ASC NULLS LAST,
    CASE WHEN $order = 'started' AND NOT $descending THEN start_time END ASC,
    start_time DESC,
    span_id
LIMIT $size OFFSET $skip
