-- What is shown of the calls with these $row_ids, in any order? row_id, span_id, trace_id, start, service, model, file,
-- line, function, stream, outcome columns, clocks, tokens, cost.
SELECT
    row_id,
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
WHERE row_id IN (SELECT unnest($row_ids::BIGINT[]))
