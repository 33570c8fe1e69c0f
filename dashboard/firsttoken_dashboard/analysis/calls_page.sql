-- Which calls does the filter leave, page by page? $order is one of started, duration, ttft, rate, input, output, cost;
-- $descending its way. span_id, trace_id, start, service, model, file, line, function, stream, outcome columns, clocks,
-- tokens, cost.
SELECT
    span_id,
    trace_id,
    start_time::TIMESTAMP AS started,
    service_name,
    coalesce(response_model, request_model) AS model,
    code_file,
    code_line,
    code_function,
    stream,
    error_type,
    http_status,
    stop_reason,
    attempts,
    ttft_s,
    duration_s,
    tokens_per_second,
    input_tokens,
    cache_read_tokens,
    output_tokens,
    cost_usd
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND ($model::VARCHAR IS NULL OR coalesce(response_model, request_model) = $model)
    AND ($file::VARCHAR IS NULL OR code_file = $file)
    AND ($line::BIGINT IS NULL OR code_line = $line)
    AND ($trace::VARCHAR IS NULL OR trace_id = $trace)
    AND (
        $outcome::VARCHAR IS NULL
        OR ($outcome = 'failed' AND error_type IS NOT NULL)
        OR ($outcome = 'good' AND error_type IS NULL)
        OR ($outcome = 'retried' AND attempts > 1)
        OR ($outcome = 'cut' AND stop_reason = 'max_tokens')
    )
    AND ($slower_s::DOUBLE IS NULL OR duration_s >= $slower_s)
    AND ($faster_s::DOUBLE IS NULL OR duration_s < $faster_s)
    AND (
        $text::VARCHAR IS NULL
        OR contains(
            lower(concat_ws(
                ' ', trace_id, span_id, request_id, response_id, service_name, request_model, response_model,
                code_file, code_function, error_type, conversation_id
            )),
            lower($text)
        )
    )
ORDER BY
    CASE WHEN $descending THEN
        CASE $order
            WHEN 'duration' THEN duration_s WHEN 'ttft' THEN ttft_s WHEN 'rate' THEN tokens_per_second
            WHEN 'input' THEN input_tokens WHEN 'output' THEN output_tokens WHEN 'cost' THEN cost_usd
        END
    END DESC NULLS LAST,
    CASE WHEN NOT $descending THEN
        CASE $order
            WHEN 'duration' THEN duration_s WHEN 'ttft' THEN ttft_s WHEN 'rate' THEN tokens_per_second
            WHEN 'input' THEN input_tokens WHEN 'output' THEN output_tokens WHEN 'cost' THEN cost_usd
        END
    END ASC NULLS LAST,
    CASE WHEN $order = 'started' AND NOT $descending THEN start_time END ASC,
    start_time DESC,
    span_id
LIMIT $size OFFSET $skip
